# What Belfry adds to operations, in guest instructions, on each backend, and what programs that do nothing add on the same
# hooks: Belfry's within 10 % of vmtests/cost.csv.
# needs: icount
# seconds: 400
cp "$BELFRY_BUILD/tests/cost_meter" meter # off the file system that this guest shares with its host
mkfifo go
# measure FILE [NAME=VALUE...]: the meter's lines, with belfryd as the words say, or without.
measure() {
  local out=$1
  shift
  exec 9<>go
  ./meter "$PWD/guarded.sock" "$PWD/ruled.sock" "$PWD/other.sock" <go >"$out" 9>&- &
  local running=$!
  until grep -q ready "$out"; do sleep 0.1; done
  if [ $# -gt 0 ]; then
    config "  - name: ruled" "    unix: $PWD/ruled.sock" "    mode: warn" "    allow:" "      - {uid: 65534}" \
      "      - {uid: 0, exe: $PWD/meter}"
    start_belfryd "$@"
    sleep 3 # of guest time: the guard's listener is known, its files are looked at
  fi
  echo >go
  wait "$running" || wrong "the meter ended: $(tail -n 1 "$out")"
  end_belfryd
  echo "# measured: $out"
}

# measure_empty BACKEND
measure_empty() {
  mkfifo "hold_$1"
  exec 8<>"hold_$1"
  "$BELFRY_BUILD/tests/cost_empty" "$1" <"hold_$1" >"held_$1" 2>&1 8>&- 9>&- &
  local holder=$!
  until grep -q holding "held_$1"; do
    kill -0 "$holder" 2>/dev/null || wrong "cost_empty ended: $(tail -n 1 "held_$1")"
    sleep 0.1
  done
  measure "empty_$1"
  exec 8>&-
  wait "$holder"
}

measure first # a guest's first TCP connections cost a little more
measure nothing
measure again
measure_empty bpf_lsm
measure_empty fmod_ret
measure_empty cgroup
measure bpf_lsm BELFRY_TEST_WITHOUT=
measure fmod_ret BELFRY_TEST_WITHOUT=bpf_lsm
measure cgroup BELFRY_TEST_WITHOUT=bpf_lsm,fmod_ret
bad=0
printf '%-18s %8s %6s %15s %15s %15s   design 10\n' "added (of it empty)" nothing again bpf_lsm fmod_ret cgroup
while IFS=, read -r operation lsm mod cgroup goal; do
  of() { awk -v name="$operation" '$1 == name {print $2}' "$1"; }
  base=$(of nothing)
  [ -n "$base" ] || wrong "the meter said nothing of $operation"
  line=$(printf '%-18s %8s %+6d' "$operation" "$base" $(($(of again) - base)))
  for one in "bpf_lsm $lsm" "fmod_ret $mod" "cgroup $cgroup"; do
    read -r backend budget <<<"$one"
    added=$(($(of "$backend") - base))
    line+=$(printf ' %15s' "$(printf '%+d (%+d)' "$added" $(($(of "empty_$backend") - base)))")
    # What lies within the noise of two runs of nothing is no growth.
    if [ "$added" -gt $((budget + budget / 10 + base / 200 + 20)) ]; then
      echo "grown: $operation on $backend: $budget -> $added"
      bad=$((bad + 1))
    fi
  done
  echo "$line   $goal"
done < <(grep -v '^#' "$BELFRY_SOURCE/vmtests/cost.csv")
[ "$bad" -eq 0 ] || wrong "$bad operations cost more than vmtests/cost.csv says: make them cheaper, or change the line"
