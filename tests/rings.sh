# How each ring of tests/run.sh is built, run and counted. Sourced by bash; needs deploy/steps.sh, $root and $results.
# Counts come from the runners' own records (gtest's JSON, go test -json), never from their prose.

PASSED=0 FAILED=0 SKIPPED=0
FAILURES=() SKIPS=()

# Folders of tests/ by ring. What is in no line here is a unit test, so that a new folder is never forgotten.
# The golden files are read by the room that prints.
GOLDEN="golden cli"
KERNEL="kernel rules daemon demo audit"
# Rooms that link neither gRPC nor the kernel: address and undefined-behaviour sanitizers cover these.
SANITIZED="kit host evidence verdict effect"

# No test may take longer; one that does is ended and counts as failed.
PROGRAM_SECONDS=900

# How Go words a module or toolchain that cannot be had.
REFUSED_MODULE='dial tcp|no such host|not available|i/o timeout|TLS|x509|Forbidden|Not Found|Gone|Gateway|toolchain not available|proxyconnect'

build_release() {
  local log=$1/configure.log
  cmake --preset release -DBELFRY_TESTS=ON >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    return 1
  }
  watched "$1/build.log" cmake --build build/release --parallel "$(jobs_for_memory)" || {
    grep -E 'error|FAILED|\*\*\*' "$1/build.log" | head -n 20 >&2
    return 1
  }
  say "$(tail -n 1 "$1/build.log")"
}

# programs_of RING: the folders of tests/ that have a gtest program in that ring.
programs_of() {
  local folder name
  for folder in tests/*/; do
    name=$(basename "$folder")
    compgen -G "$folder*_test.cc" >/dev/null || continue
    case " $GOLDEN " in *" $name "*) [ "$1" = golden ] && echo "$name"; continue ;; esac
    case " $KERNEL " in *" $name "*) [ "$1" = kernel ] && echo "$name"; continue ;; esac
    [ "$1" = unit ] && echo "$name"
  done
}

# count RING PASSED FAILED SKIPPED
count() {
  PASSED=$((PASSED + $2)) FAILED=$((FAILED + $3)) SKIPPED=$((SKIPPED + $4))
}

# run_programs RING BUILD NAME...: each gtest program once, counted from its JSON.
run_programs() {
  local ring=$1 build=$2 name number=0
  shift 2
  if [ $# -eq 0 ]; then
    skip_ring "$ring" "no test program yet"
    return
  fi
  for name in "$@"; do
    number=$((number + 1))
    run_program "$ring" "$build" "$name" "$number/$#"
  done
}

run_program() {
  local ring=$1 build=$2 name=$3 place=$4
  local program=$build/tests/${name}_test json=$results/$ring.$name.json log=$results/$ring.$name.log code=0 began=$SECONDS
  if [ ! -x "$program" ]; then
    fail "$ring" "$name (not built)" "cmake --build $build --target ${name}_test"
    return
  fi
  rm -f "$json"
  # Braces: the shell's own word on a crash is no line of ours.
  { timeout -k 20 "$PROGRAM_SECONDS" "$program" --gtest_output="json:$json" >"$log" 2>&1 </dev/null || code=$?; } 2>/dev/null
  if ! jq -e . "$json" >/dev/null 2>&1; then
    count_broken_off "$ring" "$program" "$name" "$log" "$code"
  else
    count_gtest "$ring" "$program" "$json" "$log"
    # A program that fails outside a test (a leak report, an exit code) is a failure too.
    [ "$code" -eq 0 ] || jq -e '.failures > 0' "$json" >/dev/null || fail "$ring" "$name (exit $code)" "$program"
  fi
  say "$place $name: $(jq -r '"\(.tests) tests"' "$json" 2>/dev/null || echo 'broken off') ($((SECONDS - began)) s)"
}

# count_gtest RING PROGRAM JSON LOG
count_gtest() {
  local status test detail
  while IFS=$'\t' read -r status test detail; do
    case $status in
      passed) count "$1" 1 0 0 ;;
      failed) fail "$1" "$test" "$2 --gtest_filter='$test'" "$detail" ;;
      skipped) skip "$1" "$test" "${detail:-$(why_skipped "$test" "$4")}" ;;
    esac
  done < <(jq -r '
    .testsuites[] | .name as $suite | .testsuite[] |
    (if (.failures // []) != [] then "failed"
     elif .result == "SKIPPED" then "skipped"
     elif .status == "NOTRUN" or .result == "SUPPRESSED" then "disabled"
     else "passed" end) as $status |
    ((.failures // .skipped // [{}])[0] | (.failure // .message // "") | tostring
      | sub("^[^\n]*:[0-9]+\n"; "") | gsub("[\t\n]+"; " ")[:160]) as $detail |
    [$status, "\($suite).\(.name)", $detail] | @tsv' "$3")
}

# why_skipped TEST LOG: GoogleTest before 1.13 keeps the message of GTEST_SKIP out of its JSON.
why_skipped() {
  awk -v run="[ RUN      ] $1" '$0 == run {inside = 1; next} inside && /^\[  SKIPPED/ {exit}
    inside && message && NF {print; exit} inside && /: Skipped$/ {message = 1}' "$2" | cut -c 1-160
}

# A crash or a hang writes no JSON: the log still says which tests ended well and which one was running.
count_broken_off() {
  local ring=$1 program=$2 name=$3 log=$4 code=$5 running
  # Failures before the end are named in the log too; the one that was running comes on top.
  count "$ring" "$(grep -c '^\[       OK \]' "$log")" "$(grep -c '^\[  FAILED  \] .*ms)' "$log")" "$(grep -c '^\[  SKIPPED \] .*ms)' "$log")"
  running=$(grep -a '^\[ RUN      \]' "$log" | tail -n 1 | cut -c 14-)
  [ "$code" -eq 124 ] && running="$running (still running after $PROGRAM_SECONDS s)"
  fail "$ring" "${running:-$name}" "$program --gtest_filter='${running%% *}'" "exit $code: $(tail -n 1 "$log" | cut -c 1-160)"
}

run_sanitized() {
  local log=$results/configure.dev.log targets=() name
  for name in $SANITIZED; do
    compgen -G "tests/$name/*_test.cc" >/dev/null && targets+=("${name}_test")
  done
  [ ${#targets[@]} -gt 0 ] || { skip_ring sanitized "no test program yet"; return; }
  cmake --preset dev >"$log" 2>&1 </dev/null &&
    watched "$results/build.dev.log" cmake --build build/dev --parallel "$(jobs_for_memory)" --target "${targets[@]}" || {
    fail sanitized "build (see build/results/build.dev.log)" "cmake --preset dev && cmake --build build/dev --target ${targets[*]}"
    return
  }
  run_programs sanitized build/dev "${targets[@]%_test}"
}

# run_go RING GO: the Go module in tests/spire. Its own folder holds the plugin's contract, the folders below it SPIRE.
run_go() {
  local ring=$1 go=$2 json=$results/$1.json packages=(.) short=() code=0
  [ -n "$go" ] || { skip_ring "$ring" "Go 1.21 or later"; return; }
  [ "$ring" = plugin ] ||
    mapfile -t packages < <(cd tests/spire && find . -mindepth 2 -name '*_test.go' -printf '%h\n' | sort -u)
  [ "${BELFRY_TEST_LENGTH:-}" = quick ] && short=(-short)
  # The rig builds SPIRE with the `go` of the path; an older Go fetches the toolchain its module asks for.
  export PATH=$(dirname "$go"):$PATH GOTOOLCHAIN=auto GOFLAGS="$("$go" env GOFLAGS) -buildvcs=false"
  export BELFRY_BUILD=$root/build/release
  # Modules first and by themselves: what the network refuses is a skip, what does not parse is go test's to report.
  (cd tests/spire && watched "$results/$ring.modules.log" timeout -k 20 900 "$go" list -deps -test "${packages[@]}") ||
    if grep -qE "$REFUSED_MODULE" "$results/$ring.modules.log"; then
      skip_ring "$ring" "a Go module ($(grep -E "$REFUSED_MODULE" "$results/$ring.modules.log" | tail -n 1 | cut -c 1-160))"
      return
    fi
  # One package at a time: some count every exec of the machine.
  (cd tests/spire && watched "$json" "$go" test -json -count=1 -p 1 -timeout 25m "${short[@]}" "${packages[@]}") || code=$?
  count_go "$ring" "$json"
  [ "$code" -eq 0 ] || grep -q '"Action":"fail"' "$json" ||
    fail "$ring" "go test (exit $code)" "cd tests/spire && go test ./..." "$(tail -n 1 "$json" | cut -c 1-160)"
}

# count_go RING JSON: leaves only, so that a test with subtests is not counted twice.
count_go() {
  local status test detail
  while IFS=$'\t' read -r status test detail; do
    case $status in
      pass) count "$1" 1 0 0 ;;
      broken) fail "$1" "$test" "cd tests/spire && go vet $test" "$detail" ;;
      fail) fail "$1" "$test" "cd tests/spire && go test -count=1 -run '^${test//\//\$/^}\$' ./..." "$detail" ;;
      skip) skip "$1" "$test" "$detail" ;;
    esac
  done < <(jq -rRn '
    [inputs | fromjson? // empty] as $events |
    ($events | map(select(.Test and (.Action | IN("pass", "fail", "skip"))))) as $ends |
    ($ends | map("\(.Package) \(.Test)")) as $names |
    ($events | map(select(.Action == "output" and .Test)) | group_by("\(.Package) \(.Test)")
      | map({key: "\(.[0].Package) \(.[0].Test)", value: (map(.Output) | map(select(test("_test\\.go:[0-9]+: |^panic: "))) | last // "" | sub("^\\s+"; ""))})
      | from_entries) as $last |
    ($ends[] | "\(.Package) \(.Test)" as $name |
      select(.Action != "pass" or ($names | any(startswith($name + "/")) | not)) |
      select(.Action != "fail" or ($ends | any(.Action == "fail" and ("\(.Package) \(.Test)" | startswith($name + "/"))) | not)) |
      [.Action, .Test, ($last[$name] // "" | gsub("[\t\n]+"; " ")[:160])] | @tsv),
    ($events[] | select(.Action == "fail" and (.Test | not) and .FailedBuild) | ["broken", .Package, "does not build"] | @tsv)' "$2")
}

# run_services: what others wrote serves and asks on guarded sockets.
run_services() {
  local log=$results/services.log
  watched "$log" vmtests/here.sh services
  count_tap services "$log"
  watched "$log" vmtests/here.sh grpc
  count_tap services "$log"
}

# All kernels within this many minutes, and the whole run within as many; what does not fit is a skip that says so. Who sets
# BELFRY_VM_MINUTES has that many for the kernels: 90 are enough for all of them.
MACHINE_MINUTES=8
RUN_MINUTES=42

# run_machines: vmtests/run.sh, counted from the TAP of each kernel.
run_machines() {
  local log=$results/vm.log minutes=$((RUN_MINUTES - SECONDS / 60))
  [ "$length" != long ] && [ "$minutes" -lt "$MACHINE_MINUTES" ] || minutes=$MACHINE_MINUTES
  minutes=${BELFRY_VM_MINUTES:-$minutes}
  if [ "$minutes" -lt 1 ]; then
    skip_ring vm "time, the run has taken $((SECONDS / 60)) minutes"
    return
  fi
  BELFRY_VM_MINUTES=$minutes watched "$log" vmtests/run.sh $([ "$length" = long ] && echo --long)
  count_tap vm "$log"
  grep -qE '^[0-9]+ passed' "$log" || fail vm "run.sh" vmtests/run.sh "$(tail -n 1 "$log" | cut -c 1-160)"
}

# repeat_case KERNEL/CASE or here/CASE
repeat_case() {
  case $1 in
    here/*) echo "vmtests/here.sh ${1#here/}" ;;
    *) echo "vmtests/run.sh ${1/\// }" ;;
  esac
}

# count_tap RING LOG: a guest that never came up says nothing of Belfry; it is a skip that says so.
count_tap() {
  local line name
  while IFS= read -r line; do
    name=${line#not } name=${name#ok } detail=
    name=${name%% *}
    detail=${line#*"$name"}
    case $line in
      "not ok"*/boot:*) skip "$1" "${name%:}" "missing: a guest that comes up (${detail# }; see build/results/vm)" ;;
      "not ok"*) fail "$1" "$name" "$(repeat_case "$name")" "$(cut -c 1-160 <<<"${detail# }")" ;;
      *" # SKIP "*) skip "$1" "$name" "${line#* # SKIP }" ;;
      ok*) count "$1" 1 0 0 ;;
    esac
  done < <(grep -E '^(not )?ok ' "$2")
}

# fail RING TEST COMMAND [DETAIL]
fail() {
  count "$1" 0 1 0
  FAILURES+=("$1: $2${4:+: $4}"$'\n'"        repeat: $3")
  say "FAILED $2${4:+: $4}"
  say "       repeat: $3"
}

# skip RING TEST MISSING
skip() {
  count "$1" 0 0 1
  SKIPS+=("$1: $2: ${3:-no reason given}")
}

skip_ring() {
  say "skipped: $2"
  skip "$1" "the whole ring" "missing: $2"
}

summarize() {
  local line
  printf '\n'
  if [ ${#SKIPS[@]} -gt 0 ]; then
    printf 'Skipped:\n'
    for line in "${SKIPS[@]}"; do printf '  %s\n' "$line"; done
  fi
  if [ ${#FAILURES[@]} -gt 0 ]; then
    printf 'Failed:\n'
    for line in "${FAILURES[@]}"; do printf '  %s\n' "$line"; done
  fi
  printf 'Took %s; records are in build/results\n' "$(elapsed)"
  [ $((PASSED + FAILED)) -gt 0 ] || printf 'No test ran.\n'
  printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
  [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}
