# Ten accesses to one unix socket, for any tool to name: `access_NAME` makes one and writes the truth about it down.
# Sourced by bash; needs $socket (somebody serves it), $client (the built audit_client) and a folder of its own to be in.
# truth.tsv: access, pid, executable, user, question of its own, answer to that.

accesses="stays gone uring int80 script replaced namespace handed becomes detour"

socat=$(readlink -f "$(command -v socat)")

# knock NAME: a connect to no socket at all, by which a tool shows that it looks.
knock() { "$socat" -u OPEN:/dev/null "UNIX-CONNECT:$PWD/$1" 2>/dev/null || true; }

# truth ACCESS PID EXECUTABLE USER [QUESTION ANSWER]
truth() { (IFS=$'\t'; echo "$*") >>truth.tsv; }

# held NAME PROGRAM: waits for a gate of its name to open; then connects and stays until let_go.
held() {
  mkfifo "gate-$1"
  "$2" "OPEN:gate-$1!!OPEN:echo-$1,creat" "UNIX-CONNECT:$socket" &
}
# open_gate NAME: returns when it has been answered on its connection.
open_gate() {
  exec {gate}<>"gate-$1"
  echo >&"$gate"
  until [ -s "echo-$1" ]; do :; done
  gates+=("$gate")
}
let_go() {
  for gate in "${gates[@]}"; do exec {gate}>&-; done
  wait "${held[@]}"
}
gates=() held=()

# A client that is still there when it is looked at.
access_stays() {
  held stays "$socat"
  held+=($!)
  truth stays $! "$socat" root
  open_gate stays
}

# One that lives for a millisecond, of another user.
access_gone() {
  setpriv --reuid nobody --regid nogroup --clear-groups "$client" connect "$socket" &
  truth gone $! "$client" nobody
  wait $!
}

# Without connect(2).
access_uring() {
  "$client" uring "$socket" &
  truth uring $! "$client" root
  wait $!
}

# As a 32-bit program calls.
access_int80() {
  "$client" int80 "$socket" &
  truth int80 $! "$client" root
  wait $!
}

# A script runs the client: who is to be asked is the script's author.
access_script() {
  cat >opens.sh <<'SCRIPT'
#!/bin/sh
"$1" -u OPEN:/dev/null "UNIX-CONNECT:$2" &
echo $! >script.pid
wait
SCRIPT
  chmod 755 opens.sh
  "$PWD/opens.sh" "$socat" "$socket"
  truth script "$(cat script.pid)" "$socat" root script "$PWD/opens.sh"
}

# Its file is another by the time it connects.
access_replaced() {
  cp "$socat" replaced
  held replaced "$PWD/replaced"
  held+=($!)
  truth replaced $! "$PWD/replaced" root replacement yes
  until [ "$(readlink "/proc/$!/exe")" = "$PWD/replaced" ]; do :; done
  cp /bin/true other && mv other replaced
  open_gate replaced
}

# Of another mount namespace, where the socket has another path.
access_namespace() {
  mkdir -p inside
  unshare -m sh -c 'mount --bind "$1" inside && exec "$2" connect "$PWD/inside/$3"' sh "$(dirname "$socket")" "$client" "$(basename "$socket")" &
  truth namespace $! "$client" root
  wait $!
}

# Opened by one, used by another.
access_handed() {
  "$client" hand "$socket" >receiver.pid &
  local pid=$!
  wait "$pid"
  truth handed "$pid" "$client" root receiver "$(cat receiver.pid)"
}

# It goes on as another program.
access_becomes() {
  "$client" exec "$socket" &
  truth becomes $! "$client" root successor "$(readlink -f /bin/true)"
  wait $!
}

# By a relative path through a symbolic link.
access_detour() {
  mkdir -p links
  ln -sf "$socket" links/elsewhere
  (cd links && exec "$client" connect elsewhere) &
  truth detour $! "$client" root
  wait $!
}
