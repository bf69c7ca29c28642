#!/bin/bash
# First process of a guest once the overlay is its root: runs the script that the kernel's command line names, writes
# its exit code to the second serial port (which also works under lockdown, where port I/O is refused), powers off.
# With belfry_first=systemd, systemd is the first process instead, and comes back here as a unit of its own.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
word() { sed -n "s/.*belfry_$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

run_and_power_off() {
  cd /
  bash "$(word run)" </dev/null
  echo "exit $?" >/dev/ttyS1
  sync
  busybox poweroff -f
}

mount_the_rest() {
  mkdir -p /dev/pts /dev/shm
  mount -t devpts devpts /dev/pts
  mount -t tmpfs tmpfs /dev/shm
  mount -t securityfs securityfs /sys/kernel/security
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  ln -sf /proc/self/fd /dev/fd
  ip link set lo up 2>/dev/null
}

# Nothing of what this machine would start: sockets, a bus if there is one, and us.
become_systemd() {
  local units=/run/systemd/system
  mkdir -p "$units"
  cat >"$units/belfry-guest.target" <<END
[Unit]
Requires=sysinit.target belfry-guest.service
After=sysinit.target
AllowIsolate=yes
END
  cat >"$units/belfry-guest.service" <<END
[Unit]
DefaultDependencies=no
After=sysinit.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash $(realpath "$0") unit
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/ttyS0
END
  # What waits for devices that no udev announces here.
  for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service systemd-remount-fs.service \
    systemd-firstboot.service systemd-hwdb-update.service dev-hugepages.mount systemd-binfmt.service; do
    ln -sf /dev/null "$units/$unit"
  done
  # What would empty or hide /tmp: the tree may lie below it.
  ln -sf /dev/null "$units/tmp.mount"
  mkdir -p /etc/tmpfiles.d
  ln -sf /dev/null /etc/tmpfiles.d/tmp.conf
  : >/etc/fstab
  # What says that this is a container, where the host's root is one's: systemd then leaves half of /sys alone.
  rm -f /.dockerenv /run/.containerenv
  unset container
  exec /lib/systemd/systemd --unit=belfry-guest.target --show-status=no --log-target=kmsg
}

if [ "${1:-}" = unit ]; then
  run_and_power_off
elif [ "$(word first)" = systemd ]; then
  become_systemd
else
  mount_the_rest
  run_and_power_off
fi
