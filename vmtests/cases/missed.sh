# Execs of many tasks at once on one CPU: each has its record, and what the kernel skipped is told as it counts it.
# needs: backend
# seconds: 150
config
start_belfryd
# told PROGRAM COUNT. Its exit code speaks of health.
told() { { "$belfry" --run-dir "$PWD/run" status --json || true; } | jq "[.programs[] | select(.name == \"$1\") | .$2 | tonumber] | add // 0"; }
recorded() { echo $(($(told process_exec sent) + $(told held_exec sent))); }
# skipped PROGRAM: how often the kernel did, or where two programs see the same, the one that it skipped less often.
skipped() {
  local twin
  case $1 in
    process_*) twin=held_${1#process_} ;;
    held_exec | held_fork | held_exit) twin=process_${1#held_} ;;
    write_remote) twin=held_write_vm ;;
    held_write_vm) twin=write_remote ;;
    held_*) twin=${1#held_} ;;
    *) twin=held_$1 ;;
  esac
  bpftool prog show --json |
    jq --arg one "$1" --arg twin "$twin" '[.[] | select(.name == $one or .name == $twin) | .recursion_misses // 0] | min // 0'
}
before=$(recorded)
burst() { for _ in $(seq 25); do /bin/true; done; }
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do burst & bursts="${bursts:-} $!"; done
for one in $bursts; do wait "$one"; done
after=$(recorded)
bpftool prog show --json | jq -r '.[] | select(.recursion_misses > 0) | "\(.name): \(.recursion_misses) times skipped"'
for program in $("$belfry" --run-dir "$PWD/run" status --json | jq -r '.programs[].name'); do
  kernel=$(skipped "$program")
  says=$(told "$program" missed)
  [ "$says" -ge "$kernel" ] || wrong "$program missed $kernel runs, belfry status says $says"
done
# Besides: twelve seq, and at least three of what asked. What both skipped at some time each may have seen for the other, so
# what is told as missed may be more than there was.
echo "$((after - before)) execs recorded, $(told process_exec missed) told as missed"
[ $((after - before)) -ge 315 ] || wrong "315 execs and more, $((after - before)) recorded"
