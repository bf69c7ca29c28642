#!/bin/bash
# Every ring of tests that this machine can run, from a bare Debian 12 or 13: packages, build, tests.
#
#   tests/run.sh [--quick|--long] [RING...]
#
# Rings: unit, sanitized, golden, plugin, kernel, services, spire, vm (default: all of them, in this order).
# --quick leaves out what takes long once built (sanitized, vm); --long adds recorded long runs.
# Each ring prints what failed with the command that repeats it, and what was skipped with what is missing.
# Last line: `N passed, N failed, N skipped`. Exit: 0 all passed, 1 something failed or no test ran, 2 cannot start.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
. deploy/steps.sh
. tests/rings.sh
export PATH=$PATH:/usr/sbin:/sbin
export GTEST_COLOR=no
umask 022

length=full rings=()
for argument in "$@"; do
  case $argument in
    --quick) length=quick ;;
    --long) length=long ;;
    --help | -h) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    unit | sanitized | golden | plugin | kernel | services | spire | vm) rings+=("$argument") ;;
    *) stop "unknown argument $argument" "tests/run.sh [--quick|--long] [unit|sanitized|golden|plugin|kernel|services|spire|vm]..." 2 ;;
  esac
done
if [ ${#rings[@]} -eq 0 ]; then
  rings=(unit sanitized golden plugin kernel services spire vm)
  [ "$length" = quick ] && rings=(unit golden plugin kernel services spire)
fi
export BELFRY_TEST_LENGTH=$length
asked() { [[ " ${rings[*]} " == *" $1 "* ]]; }
STEPS=$((2 + ${#rings[@]}))

# One place for what the rings write; kept under build/ so that a failure can be read afterwards.
results=$root/build/results
rm -rf "$results"
mkdir -p "$results" || stop "build/results cannot be made" "make this folder writable" 2

step "packages"
deploy/packages.sh build test || stop "packages for the tests are missing" "see the line above" 2
go=
if asked plugin || asked spire; then
  deploy/packages.sh go || say "no Go: the rings plugin and spire will be skipped"
  go=$(find_go || true)
fi
if asked services; then
  deploy/packages.sh services || say "no services: the ring services will be skipped"
fi
if asked vm; then
  deploy/packages.sh vm || say "no virtual machines: the ring vm will be skipped"
fi

step "release build"
build_release "$results" || stop "the release build failed" "build/results/build.log has all of it" 2

for ring in "${rings[@]}"; do
  step "ring $ring"
  case $ring in
    unit) run_programs unit build/release $(programs_of unit) ;;
    sanitized) run_sanitized ;;
    golden) run_programs golden build/release $(programs_of golden) ;;
    kernel) run_programs kernel build/release $(programs_of kernel) ;;
    plugin) run_go plugin "$go" ;;
    spire) run_go spire "$go" ;;
    services) run_services ;;
    vm) run_machines ;;
  esac
done

summarize
