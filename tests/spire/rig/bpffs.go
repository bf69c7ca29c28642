package rig

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Bpffs mounts a BPF filesystem of our own: what is pinned there goes with it.
func Bpffs(t testing.TB) string {
	t.Helper()
	path := filepath.Join(Folder(t), "bpf")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("bpf", path, "bpf", 0, "mode=0700"); err != nil {
		t.Skipf("no BPF filesystem can be mounted here (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", path, err)
		}
	})
	return path
}
