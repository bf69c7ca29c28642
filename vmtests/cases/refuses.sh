# Where no backend works belfryd refuses to start (3) with a remedy, and doctor (2) names what is missing: no crash.
# needs: none
# seconds: 180
config
code=0
"$belfryd" --config belfry.yaml >belfryd.log 2>&1 </dev/null || code=$?
cat belfryd.log
same "exit of belfryd" 3 "$code"
grep -q '; ' belfryd.log || wrong "belfryd names no remedy: $(tail -n 1 belfryd.log)"
[ ! -e run/attest.sock ] || wrong "belfryd left its socket behind"
ask_doctor
same "exit of belfry doctor" "$EXPECTED_DOCTOR" "$doctor"
same "required things that are missing" "$EXPECTED_CANNOT" "$(seen '.probes[] | select(.required and (.ok | not)) | .name')"
same "missing things without a remedy" "" "$(seen '.probes[] | select((.ok | not) and .remedy == "") | .name')"
# In a terminal's words too.
"$belfry" --run-dir "$PWD/run" doctor >doctor.txt || true
grep -q '^blind' doctor.txt || wrong "belfry doctor does not say blind: $(head -n 1 doctor.txt)"
same "programs left in the kernel" "" "$(bpftool prog show --json | jq -r '[.[].name // empty | select(startswith("connect_") or startswith("process_"))] | join(",")')"
