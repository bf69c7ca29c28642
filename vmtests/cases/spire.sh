# A real spire-server and spire-agent in deny: impostors cannot send one byte, an open stream carries nothing once its
# opener exec'd or exited: with belfryd, while it is stopped, after kill -9. Honest clients by the dozen are served.
# needs: backend
# seconds: 400
tests=$BELFRY_BUILD/tests/spire
[ -x "$tests/real_test" ] || missing "build/release/tests/spire/real_test (vmtests/spire.sh makes it, with Go)"
command -v cc protoc >/dev/null || missing "cc and protoc (deploy/packages.sh build)"
export SPIRE_BIN=$tests BELFRY_TOOLS=$tests BELFRY_PATIENCE=5m
code=0
"$tests/real_test" -test.v -test.run 'TestImpostorsCannotSendOneByte|TestOpenStreamsCarryNothing|TestHonestClientsUnderLoad' 2>&1 | tee said |
  grep --line-buffered -E '^ *(===|---) |_test\.go:[0-9]+: ' || code=$?
[ "$code" -eq 0 ] || { grep -v 'level=' said | tail -n 50; wrong "$(grep -m 1 -E '_test\.go:[0-9]+: ' said || tail -n 1 said)"; }
! grep -q -- '--- SKIP' said || missing "$(grep -m 1 -oE 'missing: .*' said | cut -d ' ' -f 2-)"
grep -q -- '--- PASS' said || wrong "no test ran"
