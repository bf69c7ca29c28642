# What the verifier has to work through per program stays within 10 % of vmtests/budget.csv.
# needs: backend
# seconds: 180
config 'refuse_splice: true' # its hook too
start_belfryd
# A program's own descriptor tells the number; its name comes by its id.
bpftool prog show --json | jq -r '.[] | "\(.id) \(.name)"' >names
for file in /proc/"$daemon"/fdinfo/*; do
  awk '/^prog_id:/ {id = $2} /^verified_insns:/ {print id, $2}' "$file" || [ ! -e "$file" ] # closed meanwhile
done | sort -u | awk 'NR == FNR {name[$1] = $2; next} $1 in name {print name[$1], $2}' names - | sort >now
[ -s now ] || missing "verified_insns (Linux 5.16)"
bad=0
while IFS=, read -r program; do
  grep -q "^$program " now || { echo "gone: $KERNEL_LINE,$program"; bad=$((bad + 1)); }
done < <(awk -F, -v name="$KERNEL_LINE" '$1 == name {print $2}' "$BELFRY_SOURCE/vmtests/budget.csv")
while read -r program instructions; do
  line=$(grep "^$KERNEL_LINE,$program," "$BELFRY_SOURCE/vmtests/budget.csv" || true)
  if [ -z "$line" ]; then
    echo "no line: $KERNEL_LINE,$program,$instructions,first measured"
    bad=$((bad + 1))
    continue
  fi
  IFS=, read -r _ _ budget why <<<"$line"
  echo "$program: $instructions of $budget"
  [ -n "$why" ] || { echo "no reason: $line"; bad=$((bad + 1)); }
  if [ $((instructions * 10)) -gt $((budget * 11)) ]; then
    echo "grown: $KERNEL_LINE,$program,$budget -> $instructions"
    bad=$((bad + 1))
  fi
done <now
[ "$bad" -eq 0 ] || wrong "$bad programs are outside vmtests/budget.csv: make them smaller, or change the line and say why"
