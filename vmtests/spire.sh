#!/bin/bash
# spire.sh: what the case `spire` runs, into build/release/tests/spire, on the machine that has Go (guests see its files):
# the tests with a real SPIRE as one program, their client, spire-server and spire-agent. These from $SPIRE_BIN, from PATH, or the tools
# that tests/spire pins: built once, minutes.
# Exit: 0; 1 with what is missing as the last line, and nothing left of an earlier run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/deploy/steps.sh"
into=$root/build/release/tests/spire
rm -rf "$into.new" "$into/real_test"
mkdir -p "$into.new" "$into"
go=$(find_go) || stop "Go 1.21 or later is not there" "deploy/packages.sh go"
export GOTOOLCHAIN=auto GOFLAGS="$("$go" env GOFLAGS) -buildvcs=false"
cd "$root/tests/spire"
for name in spire-server spire-agent; do
  found=${SPIRE_BIN:+$SPIRE_BIN/$name}
  [ -n "$found" ] || found=$(command -v "$name") || found=$("$go" tool -n "github.com/spiffe/spire/cmd/$name")
  cp -u "$found" "$into/$name"
done
"$go" build -o "$into/client" ./tools/client
"$go" test -c -o "$into.new/real_test" ./real
mv "$into.new/real_test" "$into/real_test"
rmdir "$into.new"
