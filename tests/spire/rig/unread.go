package rig

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// PluginAsked tells whether the agent's plugin has written something to the daemon's socket that was not read yet: a
// stopped daemon has a question before it.
func (a *Agent) PluginAsked(d *Daemon) bool {
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range processes {
		words, _ := os.ReadFile(file)
		if !strings.Contains(string(words), "belfry-spire-plugin\x00--guard="+a.GuardName()) {
			continue
		}
		if hasUnread(filepath.Dir(file), d.AttestSocket()) {
			return true
		}
	}
	return false
}

func hasUnread(process, socket string) bool {
	pid, _ := strconv.Atoi(filepath.Base(process))
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(pidfd)
	descriptors, _ := os.ReadDir(process + "/fd")
	for _, descriptor := range descriptors {
		number, _ := strconv.Atoi(descriptor.Name())
		if unreadOn(pidfd, number, socket) {
			return true
		}
	}
	return false
}

func unreadOn(pidfd, number int, socket string) bool {
	fd, err := unix.PidfdGetfd(pidfd, number, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return false
	}
	name, isUnix := peer.(*unix.SockaddrUnix)
	if !isUnix || name.Name != socket {
		return false
	}
	bytes, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return err == nil && bytes > 0
}
