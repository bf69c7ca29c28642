# nginx, PostgreSQL and Podman's API serve guarded sockets in deny: who is allowed is never refused, many at once; each
# client is named, by whatever route it came and however short it lived, and who is not allowed is said to be.
# needs: backend
# seconds: 600
for tool in nginx podman curl socat psql; do command -v "$tool" >/dev/null || missing "$tool (deploy/packages.sh services)"; done
postgres=$(echo /usr/lib/postgresql/*/bin)
[ -x "$postgres/initdb" ] || missing "initdb (deploy/packages.sh services)"
chmod 755 "$PWD"
mkdir -p www storage && echo page >www/index.html && echo script >www/script.html
install -d -o postgres postgres
here=$PWD client=$(readlink -f "$BELFRY_BUILD/tests/audit_client")

cat >client.sh <<'END'
#!/bin/sh
exec 3>&1
curl -s --unix-socket "$1" http://x/script.html >&3
exit $?
END
chmod 755 client.sh

cat >belfry.yaml <<END
version: 1
host: self
pin: false
run_dir: $here/run
guards:
  - name: web
    unix: $here/web.sock
    mode: deny
    allow:
      - { exe: $(readlink -f "$(command -v curl)"), user: root }
      - { exe: $postgres/pgbench }
      - { exe: $client }
  - name: database
    unix: $here/postgres/.s.PGSQL.5432
    mode: deny
    allow:
      - { exe: $postgres/psql, user: postgres }
      - { exe: $postgres/pgbench, user: postgres }
      - { exe: $client, user: root }
  - name: podman
    unix: $here/podman.sock
    mode: deny
    allow:
      - { exe: $(readlink -f "$(command -v curl)") }
      - { exe: $(readlink -f "$(command -v podman)") }
      - { exe: $client }
END
export LC_ALL=C
# How it ended explains a failure.
told() {
  jq -r 'select((.event.action | IN("connect", "refused")) and .event.reason) | [.belfry.guard, .process.pid, .belfry.known_by, .message] | join(" ")' seen.json
  "$belfry" --run-dir "$here/run" status --json | jq -c '[.programs[] | {name, seen, lost_ring, lost_map, missed}], .gaps'
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
same "a script's page" script "$("$here/client.sh" "$here/web.sock")"

# ---- who connects and is gone, by every route that this machine has ----
sockets="web=$here/web.sock database=$here/postgres/.s.PGSQL.5432 podman=$here/podman.sock"
for socket in $sockets; do
  for route in connect uring int80; do
    code=0
    "$client" "$route" "${socket#*=}" || code=$?
    case $code in
      0) echo "${socket%%=*} $client $route" >>routes ;;
      77) echo "missing here: $route" ;;
      *) wrong "$route to ${socket%%=*}: exit $code" ;;
    esac
  done
done

# ---- who is not, once on each ----
for socket in web.sock postgres/.s.PGSQL.5432 podman.sock; do
  printf 'GET / HTTP/1.0\r\n\r\n' | socat -t 5 - "UNIX-CONNECT:$here/$socket" >/dev/null 2>&1 || true
done
chmod 666 web.sock
setpriv --reuid nobody --regid nogroup --clear-groups curl -s --unix-socket "$here/web.sock" http://x/index.html >/dev/null || true

# ---- what is said of them ----
who() { jq -r "select((.event.action | IN(\"connect\", \"refused\")) and (.event.reason // [\"none\"]) $1 [\"not_allowed\"]) | [.belfry.guard, .process.executable, .user.name] | join(\" \")" seen.json | sort | uniq -c | sed 's/^ *//'; }
curl=$(readlink -f "$(command -v curl)")
until [ "$(who == | wc -l)" -ge 4 ]; do sleep 0.2; done
socat=$(readlink -f "$(command -v socat)")
said_of() { jq -r "select(.event.action == \"connect\" and .process.executable == \"$1\") | $2" seen.json; }
same "clients by route" "$(sort routes)" "$(said_of "$client" '[.belfry.guard, .process.executable, .process.args[1]] | join(" ")' | sort)"
same "whose child the script's curl was" "$here/client.sh" "$(said_of "$curl" '.belfry.ancestors[0].script // empty' | sort -u)"
same "strangers" "1 database $socat root
1 podman $socat root
1 web $curl nobody
1 web $socat root" "$(who ==)"
same "the others" "$(sort <<<"database $client root
database $postgres/pgbench postgres
database $postgres/psql postgres
podman $curl root
podman $(readlink -f "$(command -v podman)") root
podman $client root
web $client root
web $curl root")" "$(who != | cut -d ' ' -f 2- | sort)"
same "pages' clients" 51 "$(who != | sed -n "s:^\([0-9]*\) web $curl root:\1:p")"
same "refused, withheld or cut for another reason than that they were strangers or had ended" "" \
  "$(jq -r 'select(.event.action | IN("refused", "withheld", "cut", "impostor_listener")) | .event.reason // [.event.action] | join(",")' seen.json | grep -v -e '^not_allowed$' -e '^opener_exited$' | sort | uniq -c)"
