#!/bin/bash
# Runs in a guest: each case by itself, with a time limit, told on the second serial port as it goes:
#   up KERNEL | run CASE SECONDS | ok CASE SECONDS | skip CASE WHY | failed CASE SECONDS WHY
# What a case prints goes to the console.
set -u
tell() { echo "$*" >/dev/ttyS1; }
here=$(cd "$(dirname "$0")" && pwd)

tell "up $(uname -r)"
for name in $BELFRY_CASES; do
  file=$here/cases/$name.sh
  limit=$(sed -n 's/^# seconds: //p' "$file")
  began=$SECONDS code=0
  echo "--- $name"
  tell "run $name $limit"
  export CASE_FOLDER=/run/belfry-case/$name
  mkdir -p "$CASE_FOLDER"
  # Where the clock is a count of instructions it leaps ahead of an idle guest: the host's patience is the only limit.
  ends="timeout -k 10 $limit"
  ! grep -q belfry_icount /proc/cmdline || ends=
  (cd "$CASE_FOLDER" && $ends bash -euo pipefail -c '. "$0"; . "$1"' "$here/words.sh" "$file") \
    >"$CASE_FOLDER/log" 2>&1 </dev/null || code=$?
  tail -n 60 "$CASE_FOLDER/log" | cut -c 1-300
  why=$(tail -n 1 "$CASE_FOLDER/log" | tr -cd '[:print:]' | cut -c 1-200)
  case $code in
    0) tell "ok $name $((SECONDS - began))" ;;
    77) tell "skip $name $why" ;;
    124 | 137) tell "failed $name $((SECONDS - began)) still running after $limit s; the last it said: $why" ;;
    *) tell "failed $name $((SECONDS - began)) exit $code: $why" ;;
  esac
done
