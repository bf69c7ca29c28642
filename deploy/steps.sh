# Shell words shared by quickstart.sh, packages.sh and tests/run.sh: where we are, how long it took, what to do.
# Sourced by bash; needs nothing but Debian's base system.

STEP=0
STEPS=${STEPS:-0}

# step TEXT: announces the next of $STEPS steps with the time since the script began.
step() {
  STEP=$((STEP + 1))
  printf '\n[%d/%d] %s (%s)\n' "$STEP" "$STEPS" "$1" "$(elapsed)"
}

elapsed() { printf '%dm%02ds' $((SECONDS / 60)) $((SECONDS % 60)); }

say() { printf '      %s\n' "$*"; }

# stop TEXT REMEDY: one line, what is missing and what to do.
stop() {
  printf '\n%s: %s; %s\n' "$(basename "$0")" "$1" "$2" >&2
  exit "${3:-1}"
}

# watched LOG COMMAND...: runs it with its output in LOG, and shows the log's newest line twice a minute.
watched() {
  local log=$1 pid tick=0 code=0
  shift
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    tick=$((tick + 1))
    if [ $((tick % 30)) -eq 0 ]; then say "$(elapsed)  $(newest "$log")"; fi
  done
  wait "$pid" || code=$?
  return "$code"
}

# newest LOG: its last line; of a record of go test, the test that was running last.
newest() {
  case $(tail -n 1 "$1" | cut -c 1) in
    '{') tail -n 100 "$1" | sed -n 's/.*"Package":"\([^"]*\)".*"Test":"\([^"]*\)".*/\1 \2/p' | tail -n 1 ;;
    *) tail -n 1 "$1" | cut -c 1-100 ;;
  esac
}

# jobs_for_memory: compilers to run at once: one per core, and one per 1.5 GB, since gRPC's headers are heavy.
jobs_for_memory() {
  local cores gigabytes
  cores=$(nproc)
  gigabytes=$(awk '/^MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  [ "${gigabytes:-1}" -lt 1 ] && gigabytes=1
  [ "$gigabytes" -lt "$cores" ] && cores=$gigabytes
  echo "$cores"
}

# find_go: a Go that can fetch the toolchain its module asks for (1.21 and later), or nothing.
find_go() {
  local go minor
  for go in "$(command -v go 2>/dev/null)" /usr/local/go/bin/go /usr/lib/go-1.*/bin/go /usr/lib/go/bin/go; do
    [ -x "$go" ] || continue
    minor=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    if [ "${minor:-0}" -ge 21 ]; then
      echo "$go"
      return 0
    fi
  done
  return 1
}
