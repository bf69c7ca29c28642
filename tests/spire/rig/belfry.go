package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Daemon is belfryd with a folder of its own; nothing of it outlives the test.
type Daemon struct {
	*Child
	Folder string
	RunDir string
	Config string
	binary string
}

// Guard is one entry of `guards:`.
type Guard struct {
	Name   string
	Socket string // the Workload API
	Admin  string // optional
	Mode   string // observe, warn or deny
	Exe    string // optional: the only executable that may serve it
	Allow  string // optional: the only executable that may connect
}

// Settings of the daemon that tests differ in.
type Settings struct {
	Bpffs  string // empty: nothing is pinned
	Guards []Guard
}

// NewDaemon writes the configuration and starts nothing.
func NewDaemon(t testing.TB, settings Settings) *Daemon {
	t.Helper()
	folder := Folder(t)
	daemon := &Daemon{
		Folder: folder,
		RunDir: filepath.Join(folder, "run"),
		Config: filepath.Join(folder, "belfry.yaml"),
		binary: Built(t, "belfryd"),
	}
	if err := os.Mkdir(daemon.RunDir, 0o755); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "version: 1\nrun_dir: %s\nhost: self\n", daemon.RunDir)
	if settings.Bpffs == "" {
		text.WriteString("pin: false\n")
	} else {
		fmt.Fprintf(&text, "pin: true\nbpffs: %s\n", settings.Bpffs)
	}
	text.WriteString("guards:\n")
	for _, guard := range settings.Guards {
		admin := ""
		if guard.Admin != "" {
			admin = ", admin: " + guard.Admin
		}
		fmt.Fprintf(&text, "  - name: %s\n    agent: { workload: %s%s }\n    mode: %s\n", guard.Name, guard.Socket, admin, guard.Mode)
		if guard.Exe != "" {
			fmt.Fprintf(&text, "    listener: { exe: %s, uid: 0 }\n", guard.Exe)
		}
		if guard.Allow != "" {
			fmt.Fprintf(&text, "    allow: [{ exe: %s }]\n", guard.Allow)
		}
	}
	write(t, daemon.Config, text.String())
	return daemon
}

// AttestSocket for plugin_data.
func (d *Daemon) AttestSocket() string { return filepath.Join(d.RunDir, "attest.sock") }

// AdminSocket is bound last: when it accepts, everything is live.
func (d *Daemon) AdminSocket() string { return filepath.Join(d.RunDir, "admin.sock") }

// Boot returns when the daemon guards.
func (d *Daemon) Boot(t testing.TB) {
	t.Helper()
	d.Child = Start(t, d.Folder, "belfryd", exec.Command(d.binary, "--config", d.Config))
	Until(t, "belfryd is live", func() bool { return accepts(d.AdminSocket()) }, d.Child)
}

// BootDaemon is NewDaemon and Boot.
func BootDaemon(t testing.TB, settings Settings) *Daemon {
	t.Helper()
	daemon := NewDaemon(t, settings)
	daemon.Boot(t)
	return daemon
}

// Crash is kill -9, and returns when the process is gone.
func (d *Daemon) Crash() {
	d.Cmd.Process.Signal(syscall.SIGKILL)
	<-d.done
}

// Plugin is the agent.conf block that lets this daemon speak as "unix".
func (d *Daemon) Plugin(t testing.TB, guard string) Attestor {
	t.Helper()
	return Attestor{
		Name:    "unix",
		Command: Built(t, "belfry-spire-plugin"),
		Args:    []string{"--guard=" + guard},
		Data:    fmt.Sprintf("discover_workload_path = true\nattest_socket = %q", d.AttestSocket()),
	}
}

// Guarded is a daemon in front of an agent that asks it, neither of them started. Nothing is pinned.
func Guarded(t testing.TB, server *Server, mode string, others ...Attestor) (*Daemon, *Agent) {
	t.Helper()
	return guarded(t, server, Settings{}, mode, Demand{}, others)
}

// Demand is what a test asks of a guard beyond its mode.
type Demand struct {
	Deadline string // how long the plugin waits for an answer; empty: its default
	Allow    string // the only executable that may connect; empty: any
}

// GuardedAndPinned is one whose kernel part goes on without the daemon, as in production.
func GuardedAndPinned(t testing.TB, server *Server, mode string, demand Demand) (*Daemon, *Agent) {
	t.Helper()
	return guarded(t, server, Settings{Bpffs: Bpffs(t)}, mode, demand, nil)
}

func guarded(t testing.TB, server *Server, settings Settings, mode string, demand Demand, others []Attestor) (*Daemon, *Agent) {
	t.Helper()
	agent := NewAgent(t, server)
	guard := agent.Guard(mode)
	guard.Allow = demand.Allow
	settings.Guards = []Guard{guard}
	daemon := NewDaemon(t, settings)
	plugin := daemon.Plugin(t, agent.GuardName())
	if demand.Deadline != "" {
		plugin.Data += fmt.Sprintf("\ndeadline = %q", demand.Deadline)
	}
	agent.Attest(t, append([]Attestor{plugin}, others...)...)
	return daemon, agent
}

// GuardName is the agent's guard in belfryd's configuration.
func (a *Agent) GuardName() string { return "agent-" + filepath.Base(a.Folder) }

// Guard of the agent's sockets.
func (a *Agent) Guard(mode string) Guard {
	return Guard{Name: a.GuardName(), Socket: a.Socket, Admin: a.Admin, Mode: mode}
}
