# Shell words of the cases: belfryd started, asked and ended; what a case expects. Sourced in a guest, with -euo pipefail
# and in a folder of the case's own.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
belfry=$BELFRY_BUILD/bin/belfry belfryd=$BELFRY_BUILD/bin/belfryd
trap end_belfryd EXIT
daemon=

# wrong TEXT: the case fails here; the last line is what the summary shows: $reason, for a case that prints more at its end.
wrong() {
  reason=$*
  echo "$*"
  exit 1
}

# missing TEXT: cannot be shown here.
missing() {
  echo "missing: $*"
  exit 77
}

# same WHAT EXPECTED SEEN
same() { [ "$2" = "$3" ] || wrong "$1: expected '$2', saw '$3'"; }

# config [LINE...]: one guard on $PWD/guarded.sock; the lines are put below it.
config() {
  cat >belfry.yaml <<END
version: 1
host: self
pin: ${PIN:-false}
run_dir: $PWD/run
bpffs: $PWD/bpf
guards:
  - name: g
    agent: {workload: $PWD/guarded.sock}
END
  printf '%s\n' "$@" >>belfry.yaml
}

# start_belfryd [NAME=VALUE...]: returns when it guards; fails when it ends instead.
start_belfryd() {
  env "$@" "$belfryd" --config belfry.yaml >belfryd.log 2>&1 </dev/null &
  daemon=$!
  until grep -q 'guarding [0-9]' belfryd.log; do
    kill -0 "$daemon" 2>/dev/null || { cat belfryd.log; wrong "belfryd ended before it guarded: $(tail -n 1 belfryd.log)"; }
    sleep 0.2
  done
}

end_belfryd() {
  [ -n "$daemon" ] || return 0
  kill "${1:--TERM}" "$daemon" 2>/dev/null || true
  wait "$daemon" 2>/dev/null || true
  daemon=
}

# ask_doctor: its JSON into doctor.json, its exit code into $doctor.
ask_doctor() {
  doctor=0
  "$belfry" --run-dir "$PWD/run" doctor --json >doctor.json || doctor=$?
  jq -e .schema doctor.json >/dev/null || wrong "belfry doctor --json printed no JSON (exit $doctor)"
}

# seen FILTER: of doctor.json, as one line of words with commas.
seen() { jq -r "[$1] | join(\",\")" doctor.json; }

# gtest PROGRAM FILTER: a test program of the build; what it skips for want of something is said, not hidden.
gtest() {
  "$BELFRY_BUILD/tests/$1" --gtest_filter="$2" | grep --line-buffered -vE '^\[( RUN|---)' || wrong "$1: $(tail -n 1 "$CASE_FOLDER/log")"
}
