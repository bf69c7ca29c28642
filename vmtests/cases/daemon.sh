# The built belfryd with clients and a judge: sound, withheld, cut, observed, adopted; a stop leaves nothing.
# needs: backend
# seconds: 400
only='-LimitTest.*:UpgradeTest.*:*Killed*:BelfrydTest.ARestart*:BelfrydTest.AnExecWhileItWasDown*'
# One of each kind under emulation, all with --long: starting a daemon takes three seconds there.
[ "$BELFRY_TEST_LENGTH" = long ] || only="$only:*AReload*:*AMode*:*Check*:*ADigest*:*AStrangerThat*"
gtest daemon_test "$only"
