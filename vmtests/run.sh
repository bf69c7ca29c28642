#!/bin/bash
# Every promise on every promised kernel, each kernel booted once as a virtual machine:
#
#   vmtests/run.sh [--long] [KERNEL...] [CASE...]
#
# Kernels are the lines of kernels.txt, cases the files of cases/; default: all. Kernels come from Debian's packages into
# a cache outside the tree ($BELFRY_KERNELS, default ~/.cache/belfry/kernels). Two guests run at once where there are two
# processors (BELFRY_GUESTS); after 25 minutes (BELFRY_VM_MINUTES) what is left is a skip. Emulated; BELFRY_KVM=1: with
# KVM, if a short trial shows that it works.
# Prints TAP; each failure with the command that repeats it. Last line: `N passed, N failed, N skipped`.
# Exit: 0 all passed, 1 something failed or no case ran, 2 cannot start.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$root/deploy/steps.sh"
. "$here/guests.sh"
export PATH=$PATH:/usr/sbin:/sbin BELFRY_TEST_LENGTH=${BELFRY_TEST_LENGTH:-full}
all_kernels=$(awk '!/^#/ && NF {print $1}' "$here/kernels.txt")
all_cases=$(cd "$here/cases" && printf '%s\n' *.sh | sed 's/\.sh$//')

kernels=() cases=()
for argument in "$@"; do
  if [ "$argument" = --long ]; then
    BELFRY_TEST_LENGTH=long
  elif [ "$argument" = --help ] || [ "$argument" = -h ]; then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
    exit 0
  elif grep -qxF -- "$argument" <<<"$all_kernels"; then
    kernels+=("$argument")
  elif grep -qxF -- "$argument" <<<"$all_cases"; then
    cases+=("$argument")
  else
    stop "unknown argument $argument" "kernels: $(tr '\n' ' ' <<<"$all_kernels"), cases: $(tr '\n' ' ' <<<"$all_cases")" 2
  fi
done
[ ${#kernels[@]} -gt 0 ] || mapfile -t kernels <<<"$all_kernels"
[ ${#cases[@]} -gt 0 ] || mapfile -t cases <<<"$all_cases"

build=$root/build/release
records=$root/build/results/vm
rm -rf "$records"
mkdir -p "$records" || stop "build/results/vm cannot be made" "make this folder writable" 2
absent=$(absent_tools)
if [ -n "$absent" ]; then
  echo "ok all # SKIP missing: $absent (deploy/packages.sh vm)"
  echo "0 passed, 0 failed, 1 skipped"
  exit 1
fi
[ -x "$build/bin/belfryd" ] && [ -x "$build/tests/daemon_test" ] ||
  stop "the release build with tests is not there" "cmake --preset release -DBELFRY_TESTS=ON && cmake --build build/release" 2

export TMPDIR=${TMPDIR:-/tmp}
trap 'trap - INT TERM; end_guests; exit 2' INT TERM
echo "# kernels are kept in ${BELFRY_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/belfry/kernels}; records are in build/results/vm"
prepare_spire
try_kvm
boot_all "${kernels[@]}"

passed=$(cat "$records"/*.tap 2>/dev/null | grep '^ok' | grep -vc ' # SKIP ')
failed=$(cat "$records"/*.tap 2>/dev/null | grep -c '^not ok')
skipped=$(cat "$records"/*.tap 2>/dev/null | grep -c ' # SKIP ')
echo "1..$((passed + failed + skipped))"
echo "# took $(elapsed)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
