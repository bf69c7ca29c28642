# How auditd is started, ended and read. Sourced by bash beside accesses.sh.
# `names_TOOL QUESTION` answers for the access whose truth is in $pid, $exe, $user and $answer: is it told rightly?
# An access is the last connect of its process: what starts a client may look up names over sockets before.

# await TEXT NAME: until the log has it; knocks at NAME over and over, so that no time is guessed.
await() { until grep -q -- "$1" auditd/audit.log 2>/dev/null; do knock "$2"; done; }
# hex TEXT: as it stands in an address of the log.
hex() { printf %s "$1" | od -An -tx1 | tr -d ' \n' | tr a-f A-F; }

# Every connect, the socket by its inode, every exec; -w as many guides have it. What a version does not know is left out.
start_auditd() {
  mkdir -p -m 700 auditd
  printf '%s\n' "log_file = $PWD/auditd/audit.log" 'log_format = RAW' 'flush = DATA' 'write_logs = yes' 'local_events = yes' \
    'space_left = 1' 'admin_space_left = 0' >auditd/auditd.conf
  auditd -n -c "$PWD/auditd" >auditd.log 2>&1 &
  auditd_pid=$!
  until auditctl -s 2>/dev/null | grep -q "^pid $auditd_pid$"; do
    kill -0 "$auditd_pid" 2>/dev/null || wrong "auditd ended: $(tail -n 1 auditd.log)"
    sleep 0.2
  done
  auditctl -D >/dev/null
  auditctl -b 8192 >/dev/null
  auditctl -w "$socket" -p rwxa -k watched
  for arch in b64 b32; do
    auditctl -a always,exit -F "arch=$arch" -S connect -F "path=$socket" -k socket
    auditctl -a always,exit -F "arch=$arch" -S connect -k connect
    auditctl -a always,exit -F "arch=$arch" -S execve -k exec
  done
  # From auditd 3.1 on.
  auditctl -a always,io_uring -S connect -k connect 2>auditctl.log && uring_rule=yes || uring_rule=
  await "$(hex knocked)" knocked
}
# The log is in order: what was before the last knock is in it.
end_auditd() {
  await "$(hex ended)" ended
  auditctl -D >/dev/null
  ausearch -i -if auditd/audit.log 2>/dev/null | awk '/^----/ {print ""; next} {printf "%s ", $0}' >audit.events
  same "connects that -w told" 0 "$(grep -c 'syscall=connect .*key=watched' audit.events || true)"
  kill "$auditd_pid"
  wait "$auditd_pid" || true
}
# of_auditd KIND PID: events of that process; connect: those of connects.
of_auditd() {
  grep -E -- "type=(SYSCALL|URINGOP|UNKNOWN\[1336\]) .* pid=$2 " audit.events | case $1 in
    connect) grep -E 'syscall=(connect|socketcall)|uring_op=' ;;
    exec) grep -F 'key=exec' ;;
  esac
}
names_auditd() {
  local event parent
  event=$(of_auditd connect "$pid" | tail -n 1)
  case $1 in
    access) [ -n "$event" ] ;;
    program) [[ $event == *" exe=$exe "* || $event == *" exe=$exe (deleted) "* ]] ;;
    user) [[ $event == *" uid=$user "* ]] ;;
    socket) [[ $event == *"key=socket"* || $event == *" path=$socket "* ]] ;;
    script)
      parent=$(sed -n 's/.* ppid=\([0-9]*\) .*/\1/p' <<<"$event")
      of_auditd exec "$parent" | grep -qF -- "$answer"
      ;;
    replacement) [[ $event == *" exe=$exe (deleted) "* ]] ;;
    receiver) of_auditd connect "$answer" | grep -q . ;;
    successor) of_auditd exec "$pid" | grep -qF -- "exe=$answer " ;;
  esac
}
