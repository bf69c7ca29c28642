# What the kernel part records on this kernel: connects by every route, execs, forks, holders, losses.
# needs: backend
# seconds: 900
# An empty string in an environment reads as an error before Linux 6.14: preload facts are then absent there.
only='-Wire.*:NameKey.*:*Limit*:FewBuckets.*'
major=$(uname -r | cut -d. -f1) minor=$(uname -r | cut -d. -f2)
[ "$major" -gt 6 ] || [ "$minor" -ge 14 ] || only="$only:ProcessTest.HarmlessVariablesAreNot"
# Loading takes seconds under emulation, and these load for themselves.
[ "$BELFRY_TEST_LENGTH" = long ] || only="$only:LossTest.ForgottenOnes*:*LinksOfAnotherObject*:Hooks.*"
gtest kernel_test "$only"
