# How belfry audit is started, ended and read. Sourced by bash beside accesses.sh.
# `names_TOOL QUESTION` answers for the access whose truth is in $pid, $exe, $user and $answer: is it told rightly?

start_belfry() {
  "$belfry" audit --json --unix "$socket" >belfry.json 2>belfry.log &
  belfry_pid=$!
  until grep -q 'watching 1 guard' belfry.log; do
    kill -0 "$belfry_pid" 2>/dev/null || wrong "belfry audit ended: $(tail -n 1 belfry.log)"
    sleep 0.2
  done
}
end_belfry() {
  kill -INT "$belfry_pid"
  wait "$belfry_pid" || true
}
# of_belfry FILTER: whether a line is so; $first is the line of the connect.
of_belfry() {
  jq -se --argjson pid "$pid" --arg exe "$exe" --arg user "$user" --arg answer "$answer" --arg socket "$socket" \
    '[.[] | select(.event.action == "connect" and .process.pid == $pid)][0] as $first | '"$1" belfry.json >/dev/null
}
names_belfry() {
  case $1 in
    access) of_belfry '$first != null' ;;
    program) of_belfry '$first.process.executable | rtrimstr(" (deleted)") == $exe' ;;
    user) of_belfry '$first.user.name == $user' ;;
    socket) of_belfry '$first.belfry.socket == $socket' ;;
    script) of_belfry '[$first.belfry.script, $first.belfry.ancestors[]?.script] | any(. == $answer)' ;;
    replacement) of_belfry '$first.process.executable | endswith(" (deleted)")' ;;
    receiver) of_belfry 'any(.[]; .belfry.connection == $first.belfry.connection and .event.action != "connect" and (.process.pid | tostring) == $answer)' ;;
    successor) of_belfry 'any(.[]; .belfry.connection == $first.belfry.connection and .event.action != "connect" and .process.executable == $answer)' ;;
  esac
}
