# The auditor on this kernel's hooks: each connect told, nothing left behind, no violation lost in a flood.
# needs: backend
# seconds: 600
gtest audit_test 'Traces.*:Clients.*:Policy.*:Paths.AnAbstractName:GroundTruth.NoViolationIsLost'
