#!/bin/bash
# From a fresh Debian 12 or 13 to Belfry's demonstration, as root: packages, release build, `belfry demo`.
# Can be repeated: what is done already is skipped. Arguments are handed to `belfry demo`.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/deploy/steps.sh"
cd "$root" || exit 1
export PATH=$PATH:/usr/sbin:/sbin
STEPS=4

step "checking this machine"
[ "$(uname -s)" = Linux ] || stop "this is not Linux" "use Debian 12 or 13"
[ "$(uname -m)" = x86_64 ] || stop "this machine is $(uname -m)" "Belfry is built for x86_64 so far"
[ "$(id -u)" -eq 0 ] || stop "not root" "run it again as root: BPF programs, packages and hostile scenes need it"
kernel=$(uname -r)
major=${kernel%%.*} rest=${kernel#*.}
minor=${rest%%[!0-9]*}
[ "$major" -gt 5 ] || { [ "$major" -eq 5 ] && [ "$minor" -ge 10 ]; } ||
  stop "kernel $kernel is too old" "boot Linux 5.10 or later"
[ -r /sys/kernel/btf/vmlinux ] || stop "the kernel does not describe its types (no /sys/kernel/btf/vmlinux)" "boot a kernel with CONFIG_DEBUG_INFO_BTF, or mount /sys"
grep -q ' - cgroup2 ' /proc/self/mountinfo ||
  stop "no cgroup v2 hierarchy is mounted" "mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd"
say "Linux $kernel, types and cgroup v2 found"

step "packages"
"$root/deploy/packages.sh" build || exit 1

step "release build"
mkdir -p build
# Tests need packages that the demonstration does not: a tree configured for them stays so.
if [ ! -f build/release/CMakeCache.txt ]; then
  cmake --preset release -DBELFRY_TESTS=OFF >build/configure.log 2>&1 </dev/null || {
    tail -n 15 build/configure.log >&2
    stop "cmake cannot configure the build" "the lines above say what it missed; all of build/configure.log helps in a report"
  }
fi
watched build/build.log cmake --build build/release --parallel "$(jobs_for_memory)" \
  --target programs || {
  grep -E 'error|FAILED|\*\*\*' build/build.log | head -n 15 >&2
  stop "the build failed" "build/build.log has all of it"
}
say "$(tail -n 1 build/build.log)"
say "programs are in $root/build/release/bin"

step "belfry demo"
code=0
build/release/bin/belfry demo "$@" </dev/null || code=$?
if [ "$code" -eq 0 ]; then
  printf '\nDone in %s. Next: README.md, and deploy/spire/ROLLOUT.md for a real SPIRE agent.\n' "$(elapsed)"
else
  printf '\nThe demonstration ended with %d; `build/release/bin/belfry doctor` says what this machine lacks.\n' "$code" >&2
fi
exit "$code"
