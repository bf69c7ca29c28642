# Execs of many tasks at once on one CPU: each has its record, and what the kernel skipped is counted as it counts it.
# needs: backend
# seconds: 150
config
start_belfryd
# told PROGRAM COUNT. Its exit code speaks of health.
told() { { "$belfry" --run-dir "$PWD/run" status --json || true; } | jq -r ".programs[] | select(.name == \"$1\") | .$2"; }
before=$(told process_exec seen)
burst() { for _ in $(seq 25); do /bin/true; done; }
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do burst & bursts="${bursts:-} $!"; done
for one in $bursts; do wait "$one"; done
after=$(told process_exec seen)
for program in $(bpftool prog show --json | jq -r '.[] | select(.recursion_misses > 0) | "\(.name)=\(.recursion_misses)"'); do
  name=${program%%=*}
  says=$(told "$name" missed)
  echo "$name: ${program#*=} missed, belfry status says ${says:-nothing}"
  [ -z "$says" ] || [ "$says" -ge "${program#*=}" ] || wrong "$name missed ${program#*=} runs, belfry status says $says"
done
missed=$(told process_exec missed)
[ "$missed" -le 1 ] || wrong "$missed execs were missed"
[ $((after - before + missed)) -ge 300 ] || wrong "300 execs and more, $((after - before)) seen, $missed missed"
