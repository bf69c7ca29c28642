# A hook that is left out at load is noticed by the canary, whichever it is, and doctor says which sight is gone.
# needs: backend
# seconds: 600
# Those on which others rest by themselves; the rest in three groups, or with --long one by one.
config 'refuse_splice: true' # its hook too
start_belfryd
ask_doctor
same "canaries that failed with every hook" "" "$(seen '.status.canaries[] | select(.ok | not) | .capability')"
all=$(seen '.status.programs[].name | select(. != "limit" and . != "rules")') # part of another
end_belfryd
groups=() alone=() number=0
for hook in ${all//,/ }; do
  case $BELFRY_TEST_LENGTH:$hook in
    long:* | *:process_* | *:pin_* | *:connect_*) alone+=("$hook") ;;
    *)
      groups[number % 3]+=${groups[number % 3]:+,}$hook
      number=$((number + 1))
      ;;
  esac
done
for left_out in "${alone[@]}" "${groups[@]}"; do
  start_belfryd BELFRY_TEST_LEAVE_OUT="$left_out"
  ask_doctor
  end_belfryd
  echo "without $left_out: exit $doctor, not seen: $(seen '.status.canaries[] | select(.ok | not) | .capability')"
  [ "$doctor" -gt "$EXPECTED_DOCTOR" ] || wrong "without $left_out doctor ends with $doctor as if it were there"
  for hook in ${left_out//,/ }; do
    gone=$(seen ".status.canaries[] | select((.ok | not) and (.detail | startswith(\"$hook \"))) | .capability")
    [ -n "$gone" ] || wrong "without $hook its canary is content"
    same "findings of doctor on '$gone' without $hook" degraded \
      "$(seen ".findings[] | select(.what | startswith(\"belfryd tried it\") and contains(\": $gone: $hook \")) | .severity")"
  done
done
