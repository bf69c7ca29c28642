# systemd as the first process, on pure cgroup v2: our units as they are shipped, its own sockets, podman.socket and
# docker.socket guarded in deny: who is allowed is never refused, who accepts is no impostor, clients are named with their unit.
# needs: systemd
# seconds: 400
for tool in podman dockerd docker curl socat; do command -v "$tool" >/dev/null || missing "$tool (deploy/packages.sh services)"; done
[ -e /usr/lib/systemd/system/podman.socket ] || missing "podman.socket (deploy/packages.sh services)"
here=$PWD
same "the first process" systemd "$(cat /proc/1/comm)"
same "cgroups" cgroup2fs "$(stat -f -c %T /sys/fs/cgroup)"

install -m 755 "$belfry" "$belfryd" /usr/bin/
cp "$BELFRY_SOURCE"/deploy/systemd/*.{service,socket} /etc/systemd/system/
systemd-sysusers "$BELFRY_SOURCE/deploy/systemd/belfry.sysusers"
mkdir -p /etc/belfry
cat >/etc/belfry/belfry.yaml <<END
version: 1
guards:
  - name: podman
    unix: /run/podman/podman.sock
    listener: { exe: $(readlink -f "$(command -v podman)"), activated_by: systemd }
    mode: deny
    allow:
      - { exe: $(readlink -f "$(command -v curl)") }
  - name: docker
    unix: /run/docker.sock
    listener: { exe: $(readlink -f "$(command -v dockerd)"), activated_by: systemd }
    mode: deny
    allow:
      - { exe: $(readlink -f "$(command -v curl)") }
      - { exe: $(readlink -f "$(command -v docker)") }
  - name: manager
    unix: /run/systemd/private
    mode: deny
    allow:
      - { exe: $(readlink -f "$(command -v systemctl)") }
      - { exe: $(readlink -f "$(command -v systemd-run)") }
  - name: journal
    unix: /run/systemd/journal/io.systemd.journal
    mode: deny
    allow:
      - { exe: $(readlink -f "$(command -v journalctl)") }
END
end_units() {
  [ $? -eq 0 ] || { journalctl -u belfryd -u podman -u docker --no-pager -n 50 | cut -c 17-200; cat audit.log; echo "${reason:-}"; } || true
  kill $(jobs -p) 2>/dev/null || true
}
trap end_units EXIT

systemctl daemon-reload
systemctl start belfryd-attest.socket belfryd-admin.socket belfryd.service
same "belfryd.service" active "$(systemctl is-active belfryd.service)"
belfry audit --json >seen.json 2>audit.log &
belfry audit --to journal 2>journal.log &
until grep -q . audit.log && grep -q . journal.log; do sleep 0.2; done

# ---- who is allowed, many times, some at once ----
mkdir -p /etc/containers # the guest's root is an overlay already
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/storage"\nrunroot = "%s/runroot"\n' "$here" "$here" >/etc/containers/storage.conf
# Debian's units, without what needs modules of the kernel.
echo 'DOCKER_OPTS="--bridge=none --iptables=false --ip6tables=false --storage-driver=vfs"' >/etc/default/docker
systemctl start podman.socket docker.socket
ping_podman() { curl -s -m 60 --unix-socket /run/podman/podman.sock http://d/_ping; }
for i in 1 2 3 4 5; do (for j in 1 2 3 4; do same "ping $i.$j" OK "$(ping_podman)"; done) & pings="${pings:-} $!"; done
for one in $pings; do wait "$one"; done
for i in 1 2 3 4 5; do same "ping of docker $i" OK "$(curl -s -m 120 --unix-socket /run/docker.sock http://d/_ping)"; done
same "containers by docker's own client" "" "$(docker ps --quiet)"
for i in 1 2 3 4 5 6 7 8 9 10; do systemctl show --property=Version >/dev/null; done
for i in 1 2 3 4 5; do journalctl --sync; done
# No bus here: a unit of type oneshot is waited for without.
run_unit() { systemd-run --quiet --collect --unit="$1" -p Type=oneshot "${@:2}"; }
run_unit caller curl -s --unix-socket /run/podman/podman.sock http://d/_ping

# ---- who is not, once on each ----
for socket in /run/podman/podman.sock /run/docker.sock /run/systemd/private /run/systemd/journal/io.systemd.journal; do
  run_unit stranger socat -u OPEN:/etc/hostname "UNIX-CONNECT:$socket" 2>/dev/null || true
done

# ---- what is said of them ----
who() { jq -r "select((.event.action | IN(\"connect\", \"refused\")) and (.event.reason // [\"none\"]) $1 [\"not_allowed\"]) | [.belfry.guard, .process.executable, .belfry.unit // \"-\"] | join(\" \")" seen.json | sort | uniq -c | sed 's/^ *//'; }
until [ "$(who == | wc -l)" -ge 4 ]; do sleep 0.2; done
socat=$(readlink -f "$(command -v socat)") curl=$(readlink -f "$(command -v curl)")
same "strangers" "1 docker $socat stranger.service
1 journal $socat stranger.service
1 manager $socat stranger.service
1 podman $socat stranger.service" "$(who ==)"
who !=
same "clients of podman's API" "20 podman $curl belfry-guest.service
1 podman $curl caller.service" "$(who != | grep podman)"
same "curl at docker's API" "5 docker $curl belfry-guest.service" "$(who != | grep "docker $curl")"
who != | grep -q "docker $(readlink -f "$(command -v docker)") belfry-guest.service" || wrong "docker's own client is not named"
[ "$(who != | sed -n "s:^\([0-9]*\) journal .*/journalctl .*:\1:p")" -ge 5 ] || wrong "fewer journalctl than there were"
[ "$(who != | sed -n "s:^\([0-9]*\) manager .*/systemctl .*:\1:p")" -ge 10 ] || wrong "fewer systemctl than there were"
same "refused, withheld, cut or an impostor for another reason than that they were strangers" "" \
  "$(jq -r 'select(.event.action | IN("refused", "withheld", "cut", "impostor_listener")) | .event.reason // [.event.action] | join(",")' seen.json | grep -v -e '^not_allowed$' | sort | uniq -c)"

# ---- and of who accepts where systemd listens ----
served_by() { jq -r 'select(.event.action == "listener_enrolled") | "\(.belfry.guard) \(.process.executable)"' seen.json | grep "^$1 " | sort -u; }
same "who serves podman.socket" "podman $(readlink -f "$(command -v podman)")" "$(served_by podman)"
same "who serves docker.socket" "docker $(readlink -f "$(command -v dockerd)")" "$(served_by docker)"

# ---- the same in the journal, as a warning ----
in_journal() { journalctl -t belfry -o json --no-pager | jq -r 'select(.MESSAGE | fromjson? | .event.reason == ["not_allowed"]) | .PRIORITY' | sort | uniq -c | sed 's/^ *//'; }
for i in $(seq 100); do [ "$(in_journal)" != "4 4" ] || break; sleep 0.2; done
same "violations in the journal, with their priority" "4 4" "$(in_journal)"

# ---- a restart, with clients about ----
: >"$here/pings"
(while [ ! -e "$here/enough" ]; do same "ping over a restart" OK "$(ping_podman)"; echo >>"$here/pings"; done) & client=$!
for i in 1 2 3; do
  systemctl restart belfryd.service
  systemctl reload belfryd.service
done
before=$(cat "$here/pings" | wc -l)
until [ "$(cat "$here/pings" | wc -l)" -gt "$before" ]; do kill -0 "$client" || wrong "a client was refused over a restart"; sleep 0.1; done
touch "$here/enough"
wait "$client" || wrong "a client was refused over a restart"
same "doctor on the installed unit" 0 "$(belfry doctor >doctor.txt && echo 0 || { cat doctor.txt; echo $?; })"

# ---- what is pinned outlives a stop, and goes when it is asked to ----
systemctl stop belfryd.service belfryd-attest.socket belfryd-admin.socket
pinned() { find /sys/fs/bpf -type f | wc -l; }
[ "$(pinned)" -gt 30 ] || wrong "only $(pinned) pins outlive a stop of belfryd.service"
same "ping while belfryd is stopped" OK "$(ping_podman)"
belfryd --uninstall
same "pins after --uninstall" 0 "$(pinned)"
