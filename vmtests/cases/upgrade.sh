# Upgrades of belfryd under load, with the same layout and with another: no wrong grant, no wrong refusal.
# needs: backend
# seconds: 600
# Starting a daemon takes five seconds under emulation: eight of them, all fifty with --long.
[ "$BELFRY_TEST_LENGTH" = long ] || export BELFRY_TEST_UPGRADES=8
# Nothing reads executables here: their digests would take most of the time.
export BELFRY_DIGEST=no
gtest daemon_test 'UpgradeTest.*'
