# A guard's limit: a burst passes, the rest is refused before the listener is woken, and nobody else pays for it.
# needs: backend
# seconds: 900
# Loading takes ten seconds of every test under emulation: of those that differ little one is enough.
only='*Limit*:FewBuckets.*'
[ "$BELFRY_TEST_LENGTH" = long ] || only="$only-*UidsAre*:*WhoComesBack*:*AnotherLimit*:*WhoIsRefusedIsTold*:*HalfOf*:\
*ThatIsSilent*:*HoweverMany*:*WithoutALimit*:*WhoseBucket*"
gtest kernel_test "$only"
gtest daemon_test 'LimitTest.*'
