#!/bin/bash
# A case of cases/ on this very machine and its kernel, instead of in a guest: vmtests/here.sh CASE
# Prints TAP as run.sh does. Exit: 0 passed or skipped, 1 failed, 2 no such case.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
file=$here/cases/${1:-}.sh
[ -f "$file" ] || { echo "vmtests/here.sh: no case ${1:-}; one of $(cd "$here/cases" && echo *.sh)" >&2; exit 2; }
CASE_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/belfry-case-XXXXXX")
trap 'rm -rf "$CASE_FOLDER"' EXIT
export CASE_FOLDER BELFRY_SOURCE=$root BELFRY_BUILD=$root/build/release BELFRY_TEST_LENGTH=${BELFRY_TEST_LENGTH:-full}
limit=$(sed -n 's/^# seconds: //p' "$file") code=0 began=$SECONDS
(cd "$CASE_FOLDER" && timeout -k 10 "$limit" bash -euo pipefail -c '. "$0"; . "$1"' "$here/words.sh" "$file") \
  >"$CASE_FOLDER/log" 2>&1 </dev/null || code=$?
why=$(tail -n 1 "$CASE_FOLDER/log" | tr -cd '[:print:]' | cut -c 1-200)
case $code in
  0) echo "ok here/$1 ($((SECONDS - began)) s)" ;;
  77) echo "ok here/$1 # SKIP $why" ;;
  *)
    sed 's/^/# /' "$CASE_FOLDER/log"
    echo "not ok here/$1 ($((SECONDS - began)) s): exit $code: $why"
    echo "#   repeat: vmtests/here.sh $1"
    exit 1
    ;;
esac
