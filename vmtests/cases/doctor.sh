# belfry doctor says what kernels.txt promises of this kernel: backend, health, what it cannot see, and why no better.
# needs: backend
# seconds: 240
config
start_belfryd
ask_doctor
same "exit of belfry doctor" "$EXPECTED_DOCTOR" "$doctor"
same "the live backend" "$EXPECTED_BACKEND" "$(seen .status.backend)"
same "what the backend cannot see" "$EXPECTED_CANNOT" "$(seen '.status.blind_to[]')"
same "canaries that failed" "" "$(seen '.status.canaries[] | select(.ok | not) | .capability')"
same "programs that are not attached" "" "$(seen '.status.programs[] | select(.attached | not) | .name')"
# Whatever their way to be asked; what counts for limits and rules is part of another.
hooks=$(jq -r '.status.programs[].name | sub("_(lsm|mod)$"; "") | select(. != "limit" and . != "rules")' doctor.json | sort)
same "programs that hang on this kernel (vmtests/hooks.txt)" "$(awk -v name="$KERNEL_LINE" '$1 == "all" || $1 == name {gsub(",", "\n", $2); print $2}' \
  "$BELFRY_SOURCE/vmtests/hooks.txt" | sort)" "$hooks"
same "required things that are missing" "" "$(seen '.probes[] | select(.required and (.ok | not)) | .name')"
# In order of preference: a step down from each backend that stands before the live one.
case $EXPECTED_BACKEND in
  bpf_lsm) better= ;;
  fmod_ret) better=bpf_lsm ;;
  *) better=bpf_lsm,fmod_ret ;;
esac
same "better backends that were not taken" "$better" "$(seen '.status.steps_down[] | split(":")[0]')"
same "steps down without a reason" "" "$(seen '.status.steps_down[] | select(test(": .") | not)')"
active=$(grep -qw bpf /sys/kernel/security/lsm && echo true || echo false)
same "bpf among the active security modules" "$active" "$(seen '.probes[] | select(.name == "lsm_active") | .ok')"
