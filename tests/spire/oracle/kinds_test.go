package oracle_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What deny says of a kind, beside what the built-in says.
type inDeny int

const (
	same        inDeny = iota // value by value
	withoutPath               // path and sha256 are absent: design §3, invariant 3
	withoutDigest             // sha256 is absent: the bytes of now cannot be shown to be those that were executed
	unmarked                  // the path is the name it was started as, without the kernel's " (deleted)"
	withheld                  // PermissionDenied
)

// One kind of process: how it is started, and what deny makes of it.
type kind struct {
	name   string
	deny   inDeny
	why    string                                            // of deny, where it is not the same
	actor  string                                            // what actors/subject.c plays; empty: plain
	attr   *syscall.SysProcAttr                              // whom it is started as, and where
	at     func(t *testing.T, folder, subject string) string // places the executable; empty: a plain copy
	ready  func(t *testing.T, executable string)             // once it runs
	chroot bool
	mute   bool // the built-in itself refuses to tell a path
}

func as(uid, gid uint32, groups ...uint32) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
}

func manyGroups() []uint32 {
	groups := []uint32{}
	for gid := uint32(1000); gid > 0; gid-- { // the kernel sorts them: the order asked for is not the order kept
		groups = append(groups, gid*7)
	}
	return groups
}

const foreign = "its mount namespace is not the host's"

var kinds = []kind{
	{name: "root"},
	{name: "nobody", attr: as(65534, 65534)},
	{name: "uid and gid without an entry", attr: as(43210, 43211)},
	{name: "supplementary groups with and without names", attr: as(1, 1, 4, 27, 31337)},
	{name: "a thousand supplementary groups", attr: as(65534, 65534, manyGroups()...)},
	{name: "no supplementary groups", attr: as(0, 0)},
	{name: "effective ids differ from real ones", actor: "effective_only"},
	{name: "set-uid executable", attr: as(65534, 65534), at: func(t *testing.T, folder, subject string) string {
		return mode(t, copyTo(t, subject, filepath.Join(folder, "setuid")), 0o4755)
	}},
	{name: "set-gid executable", attr: as(65534, 65534), at: func(t *testing.T, folder, subject string) string {
		return mode(t, copyTo(t, subject, filepath.Join(folder, "setgid")), 0o2755)
	}},
	{name: "file capabilities", attr: as(65534, 65534), at: withFileCapability},
	{name: "executable deleted while it runs",
		ready: func(t *testing.T, executable string) {
			must(t, os.Remove(executable))
		}},
	{name: "executable replaced while it runs", deny: unmarked, why: "an upgrade under a running service is no reason to lose an identity",
		ready: func(t *testing.T, executable string) {
			must(t, os.WriteFile(executable+".new", []byte("an upgrade"), 0o755))
			must(t, os.Rename(executable+".new", executable))
		}},
	{name: "script", at: func(t *testing.T, folder, subject string) string {
		script := filepath.Join(folder, "script")
		must(t, os.WriteFile(script, []byte("#!"+subject+" shebang\n"), 0o755))
		return script
	}},
	{name: "path of 3,900 bytes", at: func(t *testing.T, folder, subject string) string {
		for len(folder) < 3700 {
			folder = filepath.Join(folder, strings.Repeat("d", 199))
		}
		must(t, os.MkdirAll(folder, 0o755))
		return copyTo(t, subject, filepath.Join(folder, strings.Repeat("f", 3900-len(folder)-1)))
	}},
	{name: "path with a newline and a quote", at: func(t *testing.T, folder, subject string) string {
		return copyTo(t, subject, filepath.Join(folder, "new\nline \"quoted\" \\n:colon"))
	}},
	{name: "path with an escape sequence and an emoji", at: func(t *testing.T, folder, subject string) string {
		return copyTo(t, subject, filepath.Join(folder, "\x1b[31mred\x1b[0m🔔"))
	}},
	{name: "path that is not UTF-8", mute: true, at: func(t *testing.T, folder, subject string) string {
		return copyTo(t, subject, filepath.Join(folder, "not\xff\xfeutf8"))
	}},
	{name: "path that ends in (deleted)", at: func(t *testing.T, folder, subject string) string {
		return copyTo(t, subject, filepath.Join(folder, "subject (deleted)"))
	}},
	{name: "namespaces of a container", deny: withoutPath, why: foreign,
		attr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}},
	{name: "user namespace", deny: withoutPath, why: "its credentials live in a user namespace of its own",
		attr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 200000, Size: 65536}},
		}},
	{name: "user and mount namespace", deny: withoutPath, why: "its mount namespace is owned by another user namespace",
		attr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 200000, Size: 65536}},
		}},
	{name: "chroot", deny: withoutPath, why: "its root is not its namespace's root", chroot: true},
	{name: "not dumpable", actor: "non_dumpable", attr: as(65534, 65534)},
	{name: "fifty threads", actor: "threads"},
	{name: "first thread exited, another lives", actor: "leader_exited", mute: true},
	{name: "zombie", actor: "zombie", mute: true, deny: withheld, why: "opener_exited"},
	{name: "memfd", actor: "memfd"},
	{name: "memfd that anybody may write to", actor: "open_memfd", deny: withoutDigest,
		why: "it was written to just before its exec, and its mode lets others write to it since"},
	{name: "executable of 64 MiB", at: func(t *testing.T, folder, subject string) string {
		path := copyTo(t, subject, filepath.Join(folder, "huge"))
		must(t, os.Truncate(path, 64<<20))
		return path
	}},
}

// Processes that nobody starts for this: kernel thread, dead, impossible numbers. No connection is possible.
func strangers(t *testing.T) map[string]int32 {
	found := map[string]int32{"pid 0": 0, "negative pid": -1, "largest pid": 1<<31 - 1, "dead": deadPid(t)}
	if status, err := os.ReadFile("/proc/2/status"); err == nil && strings.Contains(string(status), "Kthread:\t1") {
		found["kernel thread"] = 2
	}
	return found
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func copyTo(t *testing.T, from, to string) string {
	t.Helper()
	bytes, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, bytes, 0o755))
	return mode(t, to, 0o755)
}

// os.Chmod wants set-id bits in words of its own.
func mode(t *testing.T, path string, bits uint32) string {
	t.Helper()
	must(t, syscall.Chmod(path, bits))
	return path
}

// cap_net_raw=ep, as struct vfs_cap_data revision 2.
func withFileCapability(t *testing.T, folder, subject string) string {
	t.Helper()
	path := copyTo(t, subject, filepath.Join(folder, "capable"))
	var value []byte
	for _, word := range []uint32{0x02000001, 1 << unix.CAP_NET_RAW, 0, 0, 0} {
		value = binary.LittleEndian.AppendUint32(value, word)
	}
	if err := unix.Setxattr(path, "security.capability", value, 0); err != nil {
		t.Skipf("no file capabilities here (%v)", err)
	}
	return path
}

func deadPid(t *testing.T) int32 {
	t.Helper()
	process, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	must(t, err)
	state, err := process.Wait()
	must(t, err)
	return int32(state.Pid())
}
