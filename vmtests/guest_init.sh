#!/bin/busybox sh
# First process of a guest: mounts the host's root read-only under an overlay, runs one script there, reports its exit
# code on the second serial port (also works under lockdown, where port I/O is refused), and powers off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
# Thrice: the modules need each other in an order that differs between kernels.
for _ in 1 2 3; do for module in /modules/*.ko; do insmod "$module" 2>/dev/null; done; done
mkdir -p /ro /rw /new
mount -t virtiofs -o ro hostroot /ro || { echo "guest: cannot mount the host's root over virtiofs"; poweroff -f; }
mount -t tmpfs tmpfs /rw
mkdir -p /rw/upper /rw/work
mount -t overlay overlay -o lowerdir=/ro,upperdir=/rw/upper,workdir=/rw/work /new ||
  { echo "guest: cannot lay the overlay"; poweroff -f; }
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm
mount -t tmpfs tmpfs /new/run
mount -t securityfs securityfs /new/sys/kernel/security
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
ln -sf /proc/self/fd /new/dev/fd
chroot /new /bin/bash -c 'ip link set lo up 2>/dev/null || true'
script=$(sed -n 's/.*belfry_run=\([^ ]*\).*/\1/p' /proc/cmdline)
echo "guest: up, kernel $(uname -r), lsm $(cat /new/sys/kernel/security/lsm)"
chroot /new /bin/bash "$script"
echo "exit $?" >/dev/ttyS1
sync
poweroff -f
