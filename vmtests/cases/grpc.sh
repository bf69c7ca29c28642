# A gRPC server in C++ under load on a guarded socket in deny: clients by the dozen, each call answered, nobody refused.
# needs: backend
# seconds: 300
load=$(readlink -f "$BELFRY_BUILD/tests/grpc_load")
cat >belfry.yaml <<END
version: 1
host: self
pin: false
run_dir: $PWD/run
guards:
  - name: grpc
    unix: $PWD/grpc.sock
    mode: deny
    allow:
      - { exe: $load }
END
start_belfryd
"$load" serve "$PWD/grpc.sock" &
server=$!
trap 'kill $server; end_belfryd' EXIT
until [ -S grpc.sock ]; do kill -0 $server || wrong "the server did not start"; sleep 0.2; done
mkfifo stay
exec {stay}<>stay
for burst in 1 2 3; do
  "$load" call "$PWD/grpc.sock" 20 25 <stay {stay}>&- >"answered.$burst" 2>"failures.$burst" &
  clients="${clients:-} $!"
done
until [ "$(cat answered.* | wc -l)" -eq 3 ]; do
  for client in $clients; do kill -0 "$client" || wrong "a client ended before it said how many were answered"; done
  sleep 0.2
done
cat failures.* | sort | uniq -c | head -n 5
same "answered calls" "500 500 500" "$(cat answered.* | xargs)"
same "withheld, refused, cut" "" "$(grep -E 'violation|withheld|refused|cut' belfryd.log | grep -v ': allow: ' || true)"
status=$("$belfry" --run-dir "$PWD/run" status --json) || true
jq -c '[.programs[] | select(.missed != "0" or .lost_ring != "0") | {name, missed, lost_ring}], .gaps' <<<"$status"
exec {stay}>&-
for client in $clients; do wait "$client" || wrong "a client ended with $?"; done
