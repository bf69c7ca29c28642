# belfry demo: honest and hostile clients of an embedded Workload API; every scene ends as this backend promises.
# needs: backend
# seconds: 600
# A scene at a time, so that what one leaves behind cannot help another. Left out are `spawning` and `agent-restart`:
# fifty clients, or one that spawns without end, do not come to their turn in time under emulation.
scenes="honest two-honest leader-gone preload upgrade exec-swap exec-swap-thread scm-rights pidfd-getfd opener-exited pid-reuse
second-connect exe-swap private-mount preload-withheld"
[ "$BELFRY_TEST_LENGTH" != long ] || scenes="$scenes slow-exec zombie-opener foreign-loader"
for scene in $scenes; do
  code=0
  "$belfry" demo --scene "$scene" --json >demo.json 2>demo.log || code=$?
  echo "$scene: exit $code"
  [ "$code" -eq 0 ] || wrong "$scene: $(jq -c '.scenes[0] | {notes, trouble, requests: [.requests[] | {who, verdict, reasons, identity, message}]}' demo.json 2>/dev/null || tail -n 1 demo.log)"
done
