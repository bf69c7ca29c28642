# Execs of many tasks at once on one CPU: each has its record, and what the kernel skipped is told as it counts it.
# needs: backend
# seconds: 150
config
start_belfryd
# status: as JSON; its exit code speaks of health.
status() { "$belfry" --run-dir "$PWD/run" status --json || true; }
recorded() { status | jq '[.programs[] | select(.name == "process_exec" or .name == "held_exec") | .sent | tonumber] | add'; }
before=$(recorded)
burst() { for _ in $(seq 25); do /bin/true; done; }
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do burst & bursts="${bursts:-} $!"; done
for one in $bursts; do wait "$one"; done
after=$(recorded)
bpftool prog show --json >kernel.json
status >status.json
jq -r '.[] | select(.recursion_misses > 0) | "\(.name): \(.recursion_misses) times skipped"' kernel.json
# Where two programs see the same, what is missed is at most what the one skipped that skipped less often.
silent=$(jq -nr --slurpfile kernel kernel.json --slurpfile status status.json '
  ($kernel[0] | map({key: .name, value: (.recursion_misses // 0)}) | from_entries) as $skipped |
  ({"write_remote": "write_vm"} + ("exec fork exit" | split(" ") | map({key: "process_\(.)", value: .}) | from_entries)) as $other |
  $status[0].programs[] | .name as $name | ($other[$name] // $name | sub("^held_"; "")) as $what |
  ([$skipped | to_entries[] | select(.key == $name or .key == "held_\($what)" or ($other[.key] // .key) == $what) | .value] | min) as $least |
  select((.missed | tonumber) < $least) | "\(.name) missed \($least) runs, belfry status says \(.missed)"')
[ -z "$silent" ] || wrong "$silent"
# Besides: twelve seq, and what asked. What both skipped at some time each may have seen for the other, so what is told as
# missed may be more than there was.
jq -r '.programs[] | select(.missed != "0") | "\(.name): \(.missed) told as missed"' status.json
[ $((after - before)) -ge 313 ] || wrong "313 execs and more, $((after - before)) recorded"
echo "$((after - before)) execs recorded"
