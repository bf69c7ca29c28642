#!/bin/bash
# boot.sh KERNEL_FOLDER SCRIPT [BOOT_ARG...]: runs SCRIPT (a path of this machine) in a guest whose root is this
# machine's, read-only under an overlay. Exit code: the script's; 97 = the guest hung, died or never came up.
# The guest's console comes out here; what the script writes to /dev/ttyS1 goes to $BELFRY_WORDS, if that is set.
# Software emulation with one processor: QEMU 7.2 mishandles text patching with more. BELFRY_KVM=1: with KVM.
set -euo pipefail
kernel=$1 script=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
words=${BELFRY_WORDS:-$scratch/words}
# A guest that is told to end has nothing to save. TERM: `timeout` passes that on, QEMU ends by it whatever the guest does.
trap 'kill -TERM ${guest:-} ${fs:-} 2>/dev/null || true; rm -rf "$scratch"' EXIT
trap 'exit 97' TERM INT

mkdir -p "$scratch/root"/{bin,dev,proc,modules}
cp "$(command -v busybox)" "$scratch/root/bin/busybox"
ln -s busybox "$scratch/root/bin/sh"
cp "$here/guest_init.sh" "$scratch/root/init"
order=10
for module in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci fuse virtiofs overlay; do
  file=$(find "$kernel/root" -name "$module.ko" -o -name "$module.ko.xz" | head -1)
  [ -n "$file" ] || continue
  case $file in
    *.xz) xz -dc "$file" >"$scratch/root/modules/$order-$module.ko" ;;
    *) cp "$file" "$scratch/root/modules/$order-$module.ko" ;;
  esac
  order=$((order + 1))
done
chmod +x "$scratch/root/init"
(cd "$scratch/root" && mknod dev/console c 5 1 && mknod dev/null c 1 3 && find . | cpio -o -H newc --quiet) >"$scratch/initrd"

virtiofsd=$(command -v virtiofsd || echo /usr/lib/qemu/virtiofsd)
[ -x "$virtiofsd" ] || virtiofsd=/usr/libexec/virtiofsd
# Nothing that a guest reads changes while it runs: what it has read once it need not ask for again.
if "$virtiofsd" --help 2>&1 | grep -q -- '--shared-dir'; then
  "$virtiofsd" --socket-path="$scratch/fs.sock" --shared-dir=/ --sandbox=none --cache=always >"$scratch/fs.log" 2>&1 &
else
  "$virtiofsd" --socket-path="$scratch/fs.sock" -o source=/ -o cache=always -o sandbox=chroot >"$scratch/fs.log" 2>&1 &
fi
fs=$!
for _ in $(seq 100); do [ -S "$scratch/fs.sock" ] && break; sleep 0.05; done

accelerator=(-accel tcg,thread=single -cpu max)
if [[ " $* " == *" belfry_icount "* ]]; then
  accelerator+=(-icount shift=0,sleep=off)
elif [ "${BELFRY_KVM:-}" = 1 ]; then
  accelerator=(-accel kvm -cpu host)
fi
# shellcheck disable=SC2086  # QEMU_EXTRA is a list of words
timeout "${BELFRY_GUEST_SECONDS:-1800}" qemu-system-x86_64 "${accelerator[@]}" -smp 1 -m 2048 \
  -object memory-backend-memfd,id=mem,size=2048M,share=on -numa node,memdev=mem \
  -chardev socket,id=fs,path="$scratch/fs.sock" -device vhost-user-fs-pci,chardev=fs,tag=hostroot \
  -nographic -no-reboot -nodefaults -serial stdio -serial "file:$words" ${QEMU_EXTRA:-} \
  -kernel "$kernel/vmlinuz" -initrd "$scratch/initrd" \
  -append "console=ttyS0 panic=-1 quiet loglevel=0 belfry_root=$here/guest_root.sh belfry_run=$script $*" </dev/null &
guest=$!
wait "$guest" || true
exit "$(sed -n 's/^exit \([0-9]*\).*/\1/p' "$words" 2>/dev/null | grep . || echo 97)"
