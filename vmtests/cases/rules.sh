# A guard's rules, decided in the kernel as a plain evaluator decides them, and refused there where hooks can refuse.
# needs: backend
# seconds: 900
# Loading takes ten seconds of every test under emulation: of those that differ little one is enough.
only='-*Thousand*'
[ "$BELFRY_TEST_LENGTH" = long ] || only="$only:*APathThatNobody*:*WhatOthersThanRoot*:*MoreGroups*:*WhatIsLate*:*WhoeverServes*"
gtest rules_test "$only"
gtest daemon_test '*RulesTest.*'
