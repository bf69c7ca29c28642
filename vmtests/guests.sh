# How vmtests/run.sh boots kernels, follows what their guests tell, and ends those that hang. Sourced by bash; needs
# deploy/steps.sh, $here, $root, $build, $records and the array cases.

# The whole run takes no longer than this.
MINUTES=${BELFRY_VM_MINUTES:-25}
# A guest that says nothing for this long is hung: before it is up, and beyond the limit of the case that runs.
BOOT_SECONDS=${BELFRY_BOOT_SECONDS:-180} MORE_SECONDS=60

# absent_tools: what a guest needs and this machine does not have, in words.
absent_tools() {
  local tool absent=
  for tool in qemu-system-x86_64 busybox cpio xz jq bpftool; do
    command -v "$tool" >/dev/null || absent="$absent $tool"
  done
  command -v virtiofsd >/dev/null || [ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] || absent="$absent virtiofsd"
  [ "$(id -u)" -eq 0 ] || absent="$absent root"
  echo "${absent# }"
}

# columns KERNEL: its line of kernels.txt into these names.
columns() {
  read -r _ suite pattern boot backend doctor cannot < <(awk -v name="$1" '$1 == name' "$here/kernels.txt")
  boot=${boot//+/ }
  [ "$boot" != - ] || boot=
}

# cases_for: those that fit the kernel whose columns are set: cases say what they need, kernels.txt what there is. Short
# ones first: where time runs out, each kernel has shown most of what it has to.
cases_for() {
  local name there=backend
  [ "$backend" = none ] && there=none
  [[ $boot == *belfry_first=systemd* ]] && there=systemd
  [[ $boot == *belfry_icount* ]] && there=icount
  for name in "${cases[@]}"; do
    grep -qx "# needs: $there" "$here/cases/$name.sh" && sed -n "s/^# seconds: \(.*\)/\1 $name/p" "$here/cases/$name.sh"
  done | sort -s -n | cut -d ' ' -f 2
}

# prepare_spire: a guest cannot build what this case runs. Without it the case is a skip.
prepare_spire() {
  [[ " ${cases[*]} " == *" spire "* ]] || return 0
  "$here/spire.sh" >"$records/spire.log" 2>&1 </dev/null || echo "# without a real SPIRE: $(tail -n 1 "$records/spire.log")"
}

# try_kvm: KVM only on request, and only if a guest comes up with it in time: where it is broken it hangs.
try_kvm() {
  local folder word
  [ "${BELFRY_KVM:-}" = 1 ] || return 0
  columns "${kernels[0]}"
  folder=$("$here/fetch_kernel.sh" "$suite" "$pattern" 2>/dev/null) || return 0
  echo true >"$records/true.sh"
  BELFRY_GUEST_SECONDS=20 "$here/boot.sh" "$folder" "$records/true.sh" >/dev/null 2>&1 && word=works || word=
  [ -n "$word" ] && echo "# KVM works here" && return 0
  echo "# KVM does not work here: no guest came up within 20 s; going on with emulation"
  export BELFRY_KVM=0
}

# guests_at_once: emulation uses one processor and 2 GB per guest.
guests_at_once() {
  local free
  free=$(awk '/^MemAvailable/ {print int($2 / 2300000)}' /proc/meminfo)
  printf '%s\n' "${BELFRY_GUESTS:-2}" "$(nproc)" "${free:-1}" | sort -n | head -n 1 | sed 's/^0$/1/'
}

# boot_all KERNEL...: those with most cases first, so that short ones fill the end.
boot_all() {
  local kernel number=0 at_once order
  at_once=$(guests_at_once)
  order=$(for kernel in "$@"; do
    columns "$kernel"
    echo "$(cases_for | wc -l) $kernel"
  done | sort -k1,1nr -s | awk '$1 > 0 {print $2}')
  total=$(wc -w <<<"$order")
  for kernel in $order; do
    number=$((number + 1))
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n || true; done
    boot_one "$kernel" "$number" &
  done
  wait
}

# end_guests: on Ctrl-C; a boot_one ends its own guest.
end_guests() {
  # shellcheck disable=SC2046  # a list of numbers
  kill $(jobs -rp) 2>/dev/null
  wait
}

progress() { echo "# [$number/$total] $kernel: $* ($(elapsed))"; }

# verdict LINE REPEAT: one TAP line, on the screen and on record.
verdict() {
  echo "$1" | tee -a "$records/$kernel.tap"
  case $1 in "not ok"*) echo "#   repeat: vmtests/run.sh $kernel${2:+ $2}" | tee -a "$records/$kernel.tap" ;; esac
}

out_of_time() { [ "$SECONDS" -ge $((MINUTES * 60)) ]; }

# leave_out: what there is no time for is said.
leave_out() {
  local name
  for name in $left; do verdict "ok $kernel/$name # SKIP missing: time, after $MINUTES minutes (BELFRY_VM_MINUTES)"; done
}

# boot_one KERNEL NUMBER: all its cases in one boot; what a dead guest left undone, once more in a second one.
boot_one() {
  local kernel=$1 number=$2 folder suite pattern boot backend doctor cannot left attempt guest= running=
  columns "$kernel"
  if ! folder=$("$here/fetch_kernel.sh" "$suite" "$pattern" 2>"$records/$kernel.fetch.log"); then
    verdict "ok $kernel # SKIP missing: the kernel ($(tail -n 1 "$records/$kernel.fetch.log" | cut -c 1-160))"
    return
  fi
  trap 'kill $guest 2>/dev/null; wait; exit 2' TERM INT
  left=$(cases_for | tr '\n' ' ')
  for attempt in 1 2; do
    ! out_of_time || break
    write_script "$left" >"$records/$kernel.sh"
    progress "booting $(basename "$folder")${boot:+ with $boot}, $(wc -w <<<"$left") cases"
    : >"$records/$kernel.words"
    # shellcheck disable=SC2086  # $boot is a list of words
    BELFRY_WORDS=$records/$kernel.words "$here/boot.sh" "$folder" "$records/$kernel.sh" $boot \
      >"$records/$kernel.$attempt.console" 2>&1 </dev/null &
    guest=$!
    running=
    follow
    [ -n "${left// /}" ] || return 0
    ! out_of_time || break
    progress "the guest $ended${running:+ in $running}: infrastructure; see build/results/vm/$kernel.$attempt.console"
  done
  if out_of_time; then leave_out; else give_up_on; fi
}

# give_up_on: the second guest ended early too.
give_up_on() {
  local name
  if [ -z "$running" ]; then
    verdict "not ok $kernel/boot: twice the guest $ended before a case ran"
    return
  fi
  verdict "not ok $kernel/$running: twice a guest $ended in it" "$running"
  for name in $left; do
    [ "$name" = "$running" ] || verdict "not ok $kernel/$name: not reached" "$name"
  done
}

write_script() {
  cat <<END
export BELFRY_CASES="$1" KERNEL_LINE=$kernel BELFRY_BUILD=$build BELFRY_SOURCE=$root
export BELFRY_TEST_LENGTH=$BELFRY_TEST_LENGTH
export EXPECTED_BACKEND=$backend EXPECTED_DOCTOR=$doctor EXPECTED_CANNOT=$cannot
exec bash $here/guest_cases.sh
END
}

# follow: what the guest tells, until it ends ($ended: how) or says nothing for too long; done cases leave $left.
follow() {
  local words=$records/$kernel.words read=0 whole heard=$SECONDS patience=$BOOT_SECONDS line
  ended=died
  while :; do
    kill -0 "$guest" 2>/dev/null && whole= || whole=yes
    while IFS= read -r line; do
      read=$((read + 1)) heard=$SECONDS
      hear "${line//$'\r'/}"
    done < <(head -n "$(wc -l <"$words")" "$words" | tail -n +$((read + 1)))
    [ -z "$whole" ] || break
    if out_of_time; then
      kill "$guest"
      wait "$guest"
      break
    fi
    if [ $((SECONDS - heard)) -gt "$patience" ]; then
      ended="hung (silent for $patience s)"
      kill "$guest"
      wait "$guest"
      break
    fi
    sleep 1
  done
}

# hear LINE: see guest_cases.sh.
hear() {
  local word name rest
  read -r word name rest <<<"$1"
  case $word in
    up) progress "up, Linux $name" ;;
    run) running=$name patience=$((rest + MORE_SECONDS)) && progress "$name" ;;
    ok) settled && verdict "ok $kernel/$name ($rest s)" ;;
    skip) settled && verdict "ok $kernel/$name # SKIP $rest" ;;
    failed) settled && verdict "not ok $kernel/$name (${rest%% *} s): ${rest#* }" "$name" ;;
  esac
}

settled() {
  left=$(printf '%s\n' $left | grep -vxF "$name" | tr '\n' ' ')
  running=
}
