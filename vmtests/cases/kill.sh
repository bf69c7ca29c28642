# kill -9 of belfryd, connects and execs while it is dead: adopted or withheld, never granted.
# needs: backend
# seconds: 400
gtest daemon_test 'BelfrydTest.*Killed*:BelfrydTest.ARestart*:BelfrydTest.AnExecWhileItWasDown*'
