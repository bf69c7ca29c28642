# A hook that is left out at load is noticed by the canary, whichever it is, and doctor says which sight is gone.
# needs: backend
# seconds: 300
config
start_belfryd
ask_doctor
all=$(seen '.status.programs[].name')
end_belfryd
for hook in ${all//,/ }; do
  start_belfryd BELFRY_TEST_LEAVE_OUT="$hook"
  ask_doctor
  end_belfryd
  gone=$(seen '.status.canaries[] | select(.ok | not) | .capability')
  echo "without $hook: exit $doctor, not seen: $gone"
  [ -n "$gone" ] || wrong "without $hook every canary is content"
  [ "$doctor" -gt "$EXPECTED_DOCTOR" ] || wrong "without $hook doctor ends with $doctor as if it were there"
  for capability in "${gone%%,*}"; do
    same "findings of doctor on '$capability' without $hook" degraded \
      "$(seen ".findings[] | select(.what | startswith(\"belfryd tried it\") and contains(\"$capability\")) | .severity")"
  done
done
