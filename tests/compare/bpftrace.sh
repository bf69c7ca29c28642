# How bpftrace is started, ended and read. Sourced by bash beside accesses.sh.
# `names_TOOL QUESTION` answers for the access whose truth is in $pid, $exe, $user and $answer: is it told rightly?
# An access is the last connect of its process, as for auditd.

# The function of the kernel that all connects of streams come through, and the usual tracepoint beside it.
start_bpftrace() {
  cat >connects.bt <<'SCRIPT'
kprobe:unix_stream_connect { printf("function %d %s %d %s\n", pid, comm, uid, ((struct sockaddr_un *)arg1)->sun_path); }
tracepoint:syscalls:sys_enter_connect /args->uservaddr->sa_family == 1/ {
  printf("tracepoint %d %s %d %s\n", pid, comm, uid, ((struct sockaddr_un *)args->uservaddr)->sun_path); }
SCRIPT
  BPFTRACE_STRLEN=200 bpftrace -B none connects.bt >bpftrace.log 2>&1 &
  bpftrace_pid=$!
  await_bpftrace knocked
}
# Some kernels tell too little of their types (Debian's 5.10).
bpftrace_ended() {
  cat bpftrace.log
  ! grep -q 'missing type definitions' bpftrace.log || missing "types that bpftrace needs, on this kernel"
  wrong "bpftrace ended"
}
await_bpftrace() {
  local from
  for from in function tracepoint; do
    until grep -q "^$from .*/$1$" bpftrace.log; do
      kill -0 "$bpftrace_pid" 2>/dev/null || bpftrace_ended
      knock "$1"
    done
  done
}
end_bpftrace() {
  await_bpftrace ended
  kill -INT "$bpftrace_pid"
  wait "$bpftrace_pid" || true
}
# It calls a program by its comm, which is not its executable and for the program to choose.
of_bpftrace() {
  local line
  line=$(grep "^$1 $pid " bpftrace.log | tail -n 1)
  case $2 in
    access) [ -n "$line" ] ;;
    user) [ "$(cut -d ' ' -f 4 <<<"$line")" = "$(id -u "$user")" ] ;;
    socket) [ "$(cut -d ' ' -f 5- <<<"$line")" = "$socket" ] ;;
    receiver) grep -q "^$1 $answer " bpftrace.log ;;
    *) false ;;
  esac
}
names_bpftrace() { of_bpftrace function "$1"; }
names_tracepoint() { of_bpftrace tracepoint "$1"; }
