# nginx, PostgreSQL and Podman's API serve guarded sockets in deny: who is allowed is never refused, many at once; each
# client is named and counted, by whatever route it came and however short it lived, and who is not allowed is said to be.
# needs: backend
# seconds: 600
for tool in nginx podman curl socat psql perl; do command -v "$tool" >/dev/null || missing "$tool (deploy/packages.sh services)"; done
postgres=$(echo /usr/lib/postgresql/*/bin)
[ -x "$postgres/initdb" ] || missing "initdb (deploy/packages.sh services)"
chmod 755 "$PWD"
mkdir -p www storage && echo page >www/index.html && echo script >www/script.html
install -d -o postgres postgres
here=$PWD client=$(readlink -f "$BELFRY_BUILD/tests/audit_client") client32=
curl=$(readlink -f "$(command -v curl)") podman=$(readlink -f "$(command -v podman)")
socat=$(readlink -f "$(command -v socat)") perl=$(readlink -f "$(command -v perl)")
if [ -x "${client}32" ]; then client32=${client}32; else echo "missing here: 32-bit programs, by a compiler that makes them (gcc -m32)"; fi

# One runs its client, the other one connects itself.
cat >client.sh <<'END'
#!/bin/sh
exec 3>&1
"$@" >&3
exit $?
END
cat >opens.pl <<END
#!$perl
use Socket;
socket(my \$s, PF_UNIX, SOCK_STREAM, 0);
connect(\$s, sockaddr_un(\$ARGV[0])) or die;
END
chmod 755 client.sh opens.pl

cat >belfry.yaml <<END
version: 1
host: self
pin: false
run_dir: $here/run
metrics: {}
guards:
  - name: web
    unix: $here/web.sock
    mode: deny
    allow:
      - { exe: $curl, user: root }
      - { exe: $postgres/pgbench }
      - { exe: $client }
      - { exe: ${client}32 }
      - { exe: $perl }
  - name: database
    unix: $here/postgres/.s.PGSQL.5432
    mode: deny
    allow:
      - { exe: $postgres/psql, user: postgres }
      - { exe: $postgres/pgbench, user: postgres }
      - { exe: $client, user: root }
      - { exe: ${client}32, user: root }
      - { exe: $perl, user: root }
  - name: podman
    unix: $here/podman.sock
    mode: deny
    allow:
      - { exe: $curl }
      - { exe: $podman }
      - { exe: $client }
      - { exe: ${client}32 }
      - { exe: $perl }
END
export LC_ALL=C
# How it ended explains a failure.
told() {
  jq -r 'select((.event.action | IN("connect", "refused")) and .event.reason) | [.belfry.guard, .process.pid, .belfry.known_by, .message] | join(" ")' seen.json
  "$belfry" --run-dir "$here/run" status --json |
    jq -c '[.programs[] | {name, seen, lost_ring, lost_map, missed}], .gaps, [.guards[] | {name, sound, withheld, cut, barred}]'
}
end_services() {
  [ $? -eq 0 ] || told || true
  nginx -c "$here/nginx.conf" -s stop || true
  as_postgres "$postgres/pg_ctl" -D "$here/postgres/data" -m immediate stop >/dev/null || true
  kill $(jobs -p) 2>/dev/null || true
  end_belfryd
}
trap end_services EXIT
start_belfryd
"$belfry" --run-dir "$here/run" audit --json >seen.json 2>audit.log &
until grep -q . audit.log; do sleep 0.2; done
# measured METRIC [LABEL]: by belfryd's own counts: a log leaves out what is told already. What was answered in the last
# 200 ms would be answered again.
measured() {
  sleep 0.3
  curl -s --unix-socket "$here/run/metrics.sock" http://x/metrics | sed -n "s/^belfry_$1{[a-z]*=\"\([^\"]*\)\"${2:-}} /\1 /p"
}
# The canary was refused, once at the start and again with each question about the status: none is asked from here on.
refused=$(measured program_refusals_total) none=$(printf '%s 0\n' web database podman)
grep -q '^rules [1-9]' <<<"$refused" || wrong "no refusals of the canary are measured: $refused"

cat >nginx.conf <<END
worker_processes 2;
pid $here/nginx.pid;
error_log $here/nginx.log;
events { worker_connections 200; }
http { access_log off; server { listen unix:$here/web.sock; root $here/www; } }
END
nginx -c "$here/nginx.conf"
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups env HOME="$here/postgres" "$@"; }
as_postgres "$postgres/initdb" -D "$here/postgres/data" -A trust -U postgres --no-sync >initdb.log
as_postgres "$postgres/pg_ctl" -D "$here/postgres/data" -w -l "$here/postgres/log" \
  -o "-c listen_addresses= -c unix_socket_directories=$here/postgres -c fsync=off" start >pg_ctl.log || { cat postgres/log; wrong "PostgreSQL did not start"; }
podman --root "$here/storage" --runroot "$here/runroot" --storage-driver vfs system service --time 0 "unix://$here/podman.sock" >podman.log 2>&1 &
for socket in web.sock podman.sock; do until [ -S "$socket" ]; do sleep 0.2; done; done

# ---- who is allowed, many times and at once ----
get() { curl -s --unix-socket "$here/web.sock" "http://x/$1"; }
for round in 1 2 3 4 5 6 7 8 9 10; do
  (for i in 1 2 3 4 5; do same "page $round.$i" page "$(get index.html)"; done) &
  pages="${pages:-} $!"
done
for one in $pages; do wait "$one"; done
as_postgres "$postgres/pgbench" -h "$here/postgres" -i -q postgres >pgbench.log 2>&1 || { cat pgbench.log; wrong "pgbench could not begin"; }
as_postgres "$postgres/pgbench" -h "$here/postgres" -c 8 -j 2 -t 25 -C postgres >pgbench.log 2>&1 || { cat pgbench.log; wrong "pgbench was refused"; }
same "a row" 42 "$(as_postgres psql -h "$here/postgres" -At -c 'select 42' postgres)"
podman --remote --url "unix://$here/podman.sock" version >version.log 2>&1 || { cat version.log podman.log; wrong "podman was refused"; }
curl -s --unix-socket "$here/podman.sock" http://d/_ping | grep -q OK || wrong "podman's API was refused"
same "a script's page" script "$("$here/client.sh" curl -s --unix-socket "$here/web.sock" http://x/script.html)"
same "a script's row" 43 "$(as_postgres "$here/client.sh" psql -h "$here/postgres" -At -c 'select 43' postgres)"
same "a script's ping" OK "$("$here/client.sh" curl -s --unix-socket "$here/podman.sock" http://d/_ping)"

# The kernel part's refusals are its own count of them, each.
same "refusals of who is allowed" "$refused" "$(measured program_refusals_total)"
same "withheld of who is allowed" "$none" "$(measured verdicts_total ',verdict="withheld"')"
same "cut of who is allowed and closes" "$(grep -v podman <<<"$none")" "$(measured cuts_total | grep -v podman)"

# ---- who connects and is gone, by every route that this machine has ----
: >routes
for socket in web=$here/web.sock database=$here/postgres/.s.PGSQL.5432 podman=$here/podman.sock; do
  for route in "$client connect" "$client uring" "$client int80" $client32 "$here/opens.pl"; do
    code=0
    $route "${socket#*=}" || code=$?
    case $code in
      0) echo "${socket%%=*} $route" >>routes ;;
      77 | 126) echo "missing here: $route" ;; # 126: no executable of this kernel's
      *) wrong "$route to ${socket%%=*}: exit $code" ;;
    esac
  done
done
same "refusals, once they were gone" "$refused" "$(measured program_refusals_total)"
same "withheld, once they were gone" "$none" "$(measured verdicts_total ',verdict="withheld"')"

# ---- who is not, once on each ----
for socket in web.sock postgres/.s.PGSQL.5432 podman.sock; do
  printf 'GET / HTTP/1.0\r\n\r\n' | socat -t 5 - "UNIX-CONNECT:$here/$socket" >/dev/null 2>&1 || true
done
chmod 666 web.sock
setpriv --reuid nobody --regid nogroup --clear-groups curl -s --unix-socket "$here/web.sock" http://x/index.html >/dev/null || true

# ---- what is said of them ----
who() { jq -r "select((.event.action | IN(\"connect\", \"refused\")) and (.event.reason // [\"none\"]) $1 [\"not_allowed\"]) | [.belfry.guard, .process.executable, .user.name] | join(\" \")" seen.json | sort | uniq -c | sed 's/^ *//'; }
until [ "$(who == | wc -l)" -ge 4 ]; do sleep 0.2; done
said() { jq -r "select(.event.action == \"connect\") | $1" seen.json | sort; }
same "clients by route" "$(grep -v "opens.pl" routes | sort)" \
  "$(said "select(.process.executable | IN(\"$client\", \"${client}32\")) | [.belfry.guard, .process.args[:-1][]] | join(\" \")")"
same "whose script ran whom" "database $postgres/psql $here/client.sh
podman $curl $here/client.sh
web $curl $here/client.sh" "$(said 'select(.belfry.ancestors[0].script) | [.belfry.guard, .process.executable, .belfry.ancestors[0].script] | join(" ")')"
same "scripts that connect" "database $perl $here/opens.pl
podman $perl $here/opens.pl
web $perl $here/opens.pl" "$(said 'select(.belfry.script) | [.belfry.guard, .process.executable, .belfry.script] | join(" ")')"
same "strangers" "1 database $socat root
1 podman $socat root
1 web $curl nobody
1 web $socat root" "$(who ==)"
# pgbench: one to make its tables, one to see them, and one for each of 8 clients' 25 transactions. How often podman asks
# is its version's own.
by_route() { grep -v "opens.pl" routes | cut -d ' ' -f 1,2 | sed 's/$/ root/' | sort | uniq -c | sed 's/^ *//'; }
same "the others" "$(sort <<<"$(by_route)
1 database $perl root
1 podman $perl root
1 web $perl root
202 database $postgres/pgbench postgres
2 database $postgres/psql postgres
2 podman $curl root
some podman $podman root
51 web $curl root")" "$(who != | sed "s:^[0-9]* podman $podman :some podman $podman :" | sort)"
same "refused, withheld or cut for another reason than that they were strangers or had ended" "" \
  "$(jq -r 'select(.event.action | IN("refused", "withheld", "cut", "impostor_listener")) | .event.reason // [.event.action] | join(",")' seen.json | grep -v -e '^not_allowed$' -e '^opener_exited$' | sort | uniq -c)"
# Refused at the connect; where the backend cannot do that, afterwards.
barred=$(measured refused_total ',use="connect"' | awk '{sum += $2} END {print sum}')
same "refusals of strangers" "$(awk -v barred="$barred" '$1 == "rules" {$2 += barred} {print}' <<<"$refused")" "$(measured program_refusals_total)"
same "barred or withheld" "database 1
podman 1
web 2" "$({ measured refused_total ',use="connect"' && measured verdicts_total ',verdict="withheld"'; } |
  awk '{many[$1] += $2} END {for (guard in many) print guard, many[guard]}' | sort)"
# Who ends without closing may be cut in the midst of it (README.md, decisions): each cut is told, none is of anybody else.
cut_told() { jq -rs '("web", "database", "podman") as $g | [$g, (map(select(.event.action == "cut" and .belfry.guard == $g)) | length)] | join(" ")' seen.json; }
for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(cut_told)" != "$(measured cuts_total)" ] || break; done
same "cuts, by what is told of them" "$(measured cuts_total)" "$(cut_told)"
cut_alone=$(jq -r "select(.event.action == \"cut\" and .event.reason == [\"opener_exited\"]) | .process.executable // empty |
  select(IN(\"$client\", \"${client}32\", \"$perl\", \"$podman\") | not)" seen.json)
same "cut though they had closed it themselves" "" "$cut_alone"
jq -r 'select(.event.action == "cut") | [.belfry.guard, (.event.reason | join(",")), .process.executable // "?"] | "cut: " + join(" ")' seen.json
