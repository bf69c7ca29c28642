# Ten accesses to one socket, named by belfry audit, auditd and bpftrace: as tests/compare/table.csv (and README) says.
# needs: backend
# seconds: 400
[ -n "${KERNEL_LINE:-}" ] || missing "a guest: the rules of this machine's auditd would be lost"
for tool in auditd auditctl ausearch bpftrace socat; do command -v "$tool" >/dev/null || missing "$tool (deploy/packages.sh compare)"; done
client=$BELFRY_BUILD/tests/audit_client socket=$PWD/served/watched.sock
for part in accesses belfry auditd bpftrace; do . "$BELFRY_SOURCE/tests/compare/$part.sh"; done
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
mkdir served
"$socat" "UNIX-LISTEN:$socket,fork,mode=777" PIPE &
until [ -S "$socket" ]; do sleep 0.2; done

for tool in auditd bpftrace belfry; do
  echo "starting $tool"
  "start_$tool"
done
auditctl -v; bpftrace --version
for access in $accesses; do
  echo "access $access"
  code=0
  "access_$access" || code=$?
  [ "$code" -ne 77 ] || missing "$access on this kernel"
  [ "$code" -eq 0 ] || wrong "$access: exit $code"
done
for tool in belfry bpftrace auditd; do "end_$tool"; done
let_go

# cell TOOL: what of this access it does not name.
cell() {
  local question absent=
  "names_$1" access || { echo "not seen"; return; }
  for question in program user socket $kind; do
    "names_$1" "$question" || absent=$absent${absent:+, }$question
  done
  [ -z "$absent" ] && echo all || echo "not: $absent"
}
# promised TOOL: the table's word on it.
promised() {
  awk -F ';' -v access="$access" -v tool="$1" \
    'NR == 1 {for (i = 1; i <= NF; i++) if ($i == tool) column = i} $1 == access {print $column}' "$BELFRY_SOURCE/tests/compare/table.csv"
}
bad=0
while IFS=$'\t' read -r access pid exe user kind answer; do
  for tool in belfry auditd bpftrace tracepoint; do
    seen=$(cell "$tool") says=$(promised "$tool")
    if [[ $says =~ ^(.*)\ \((.*)\ before\ auditd\ 3\.1\)$ ]]; then
      [ -n "$uring_rule" ] && says=${BASH_REMATCH[1]} || says=${BASH_REMATCH[2]}
    fi
    jq -nc --arg access "$access" --arg tool "$tool" --arg named "$seen" '$ARGS.named'
    [ "$seen" = "$says" ] || { bad=$((bad + 1)); echo "$access, $tool: table.csv says '$says', measured '$seen'"; }
  done
done <truth.tsv
[ "$bad" -eq 0 ] || wrong "$bad cells of tests/compare/table.csv are not what was measured"
