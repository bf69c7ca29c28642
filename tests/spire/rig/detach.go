package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CgroupUnixConnect is BPF_CGROUP_UNIX_CONNECT of linux/bpf.h.
const CgroupUnixConnect = 49

const (
	bpfLinkGetFdByID = 30
	bpfLinkDetach    = 34
)

// DetachCgroupLink takes away the program that this process has attached there, as an operator's mistake would.
func DetachCgroupLink(t testing.TB, pid, attachType int) {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil || len(infos) == 0 {
		t.Fatalf("reading the links of %d: %v", pid, err)
	}
	for _, info := range infos {
		text, _ := os.ReadFile(info)
		id, kind := 0, 0
		for _, line := range strings.Split(string(text), "\n") {
			fmt.Sscanf(line, "link_id:\t%d", &id)
			fmt.Sscanf(line, "attach_type:\t%d", &kind)
		}
		if id == 0 || kind != attachType {
			continue
		}
		link := bpf(t, bpfLinkGetFdByID, uint32(id))
		defer syscall.Close(link)
		bpf(t, bpfLinkDetach, uint32(link))
		return
	}
	t.Fatalf("pid %d has no link of attach type %d", pid, attachType)
}

func bpf(t testing.TB, command uintptr, number uint32) int {
	t.Helper()
	attr := [16]uint32{number}
	result, _, errno := syscall.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		t.Fatalf("bpf command %d: %v", command, errno)
	}
	return int(result)
}
