#!/bin/busybox sh
# First program of a guest: lays an overlay over the host's root, read-only below it, and makes that the root of the
# machine, so that nothing in it looks like a chroot. guest_root.sh goes on there.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
give_up() {
  echo "guest: $1"
  poweroff -f
}
# Thrice: the modules need each other in an order that differs between kernels.
for _ in 1 2 3; do for module in /modules/*.ko; do insmod "$module" 2>/dev/null; done; done
mkdir -p /below /over /new
mount -t virtiofs -o ro hostroot /below || give_up "cannot mount the host's root over virtiofs"
mount -t tmpfs tmpfs /over
mkdir -p /over/upper /over/work
mount -t overlay overlay -o lowerdir=/below,upperdir=/over/upper,workdir=/over/work /new || give_up "cannot lay the overlay"
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs dev /new/dev
mount -t tmpfs tmpfs /new/run
next=$(sed -n 's/.*belfry_root=\([^ ]*\).*/\1/p' /proc/cmdline)
umount /dev /proc
exec switch_root -c /dev/console /new /bin/bash "$next"
