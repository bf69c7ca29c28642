# What was pinned outlives kill -9; belfryd --uninstall removes all of it, and the kernel forgets the programs.
# needs: backend
# seconds: 240
programs() { bpftool prog show --json | jq -r '[.[].name // empty] | map(select(test("^(process|connect|use|accept)_"))) | sort | join(",")'; }
pins() { find bpf -mindepth 1 -not -name '*.debug' | sort; }
mkdir bpf
mount -t bpf bpf bpf
PIN=true config
same "programs in the kernel before" "" "$(programs)"
start_belfryd
end_belfryd -KILL
[ -n "$(programs)" ] || wrong "nothing is left in the kernel after kill -9: nothing was pinned"
[ -n "$(pins)" ] || wrong "nothing is pinned after kill -9"
"$belfryd" --uninstall --bpffs "$PWD/bpf"
same "pins after --uninstall" "" "$(pins)"
# The kernel lets go of a link some time after its last name is gone: the case's limit is the limit.
until [ -z "$(programs)" ]; do sleep 0.2; done
"$belfryd" --uninstall --bpffs "$PWD/bpf"
umount bpf
