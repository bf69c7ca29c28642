// The values of profile unix are those of SPIRE's own attestor, value by value and in order. Both are loaded by SPIRE's
// own plugin loader into this process, which plays the agent: it owns the guarded sockets and is the plugin's parent.
package oracle_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spiffe/spire/pkg/agent/plugin/workloadattestor"

	"belfry.test/spire/rig"
)

// The settings under which every kind is compared.
var settings = []struct{ name, data string }{
	{"defaults", ""},
	{"path and digest", "discover_workload_path = true"},
	{"path only", "discover_workload_path = true\nworkload_size_limit = -1"},
	{"limit of 16 MiB", "discover_workload_path = true\nworkload_size_limit = 16777216"},
}

// One guard's listening socket and its attestor under each of the settings.
type side struct {
	socket string
	by     []workloadattestor.WorkloadAttestor
}

type said struct {
	values []string
	err    error
}

func (s said) String() string {
	if s.err != nil {
		return "error " + s.err.Error()
	}
	return strings.Join(s.values, " ")
}

func ask(by workloadattestor.WorkloadAttestor, pid int32) said {
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	selectors, err := by.Attest(ctx, int(pid))
	values := []string{}
	for _, selector := range selectors {
		values = append(values, selector.Type+":"+selector.Value)
	}
	return said{values, err}
}

func listen(t *testing.T, folder, name string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	listener, err := net.Listen("unix", path)
	must(t, err)
	must(t, os.Chmod(path, 0o777))
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, conn) // open for as long as the other side wants
		}
	}()
	return path
}

func hostLog(t *testing.T, folder string) io.Writer {
	t.Helper()
	log, err := os.Create(filepath.Join(folder, "host.log"))
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			all, _ := os.ReadFile(log.Name())
			t.Logf("--- plugin hosts\n%s", all[max(0, len(all)-8000):])
		}
		log.Close()
	})
	return log
}

func stages(t *testing.T) (builtin []workloadattestor.WorkloadAttestor, observe, deny side, folder string) {
	folder = rig.Folder(t)
	log := hostLog(t, folder)
	observe.socket, deny.socket = listen(t, folder, "o.sock"), listen(t, folder, "d.sock")
	daemon := rig.BootDaemon(t, rig.Settings{Guards: []rig.Guard{
		{Name: "observed", Socket: observe.socket, Mode: "observe"},
		{Name: "denying", Socket: deny.socket, Mode: "deny"},
	}})
	for _, setting := range settings {
		builtin = append(builtin, rig.Load(t, log, rig.Attestor{Name: "unix", Data: setting.data}))
		watcher, guard := daemon.Plugin(t, "observed"), daemon.Plugin(t, "denying")
		where := fmt.Sprintf("attest_socket = %q\n%s", daemon.AttestSocket(), setting.data)
		watcher.Data, guard.Data = "assume = \"observe\"\n"+where, where
		observe.by = append(observe.by, rig.Load(t, log, watcher))
		deny.by = append(deny.by, rig.Load(t, log, guard))
	}
	return builtin, observe, deny, folder
}

func TestValuesAreThoseOfTheBuiltIn(t *testing.T) {
	builtin, observe, deny, folder := stages(t)
	subject := rig.Actor(t, folder, "subject")
	for i, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			pid := cast(t, kind, subject, filepath.Join(folder, fmt.Sprint("k", i)), observe.socket, deny.socket)
			for s, setting := range settings {
				want := ask(builtin[s], pid)
				if setting.name == "path and digest" && (want.err != nil) != kind.mute {
					t.Fatalf("this is not the kind it should be: the built-in says %v", want)
				}
				compare(t, "observe, "+setting.name, want, ask(observe.by[s], pid))
				got := ask(deny.by[s], pid)
				compareDenied(t, kind, setting.name, want, got, func() said { return ask(builtin[0], pid) })
			}
		})
	}
}

// Told to assume observe, the plugin answers by itself for as long as there is no daemon.
func TestValuesAreThoseOfTheBuiltInWithoutADaemon(t *testing.T) {
	folder := rig.Folder(t)
	log := hostLog(t, folder)
	socket := listen(t, folder, "o.sock")
	var builtin, alone []workloadattestor.WorkloadAttestor
	for _, setting := range settings {
		builtin = append(builtin, rig.Load(t, log, rig.Attestor{Name: "unix", Data: setting.data}))
		alone = append(alone, rig.Load(t, log, rig.Attestor{Name: "unix", Command: rig.Built(t, "belfry-spire-plugin"),
			Args: []string{"--guard=nobody"},
			Data: fmt.Sprintf("assume = \"observe\"\nattest_socket = %q\n%s", filepath.Join(folder, "none.sock"), setting.data)}))
	}
	subject := rig.Actor(t, folder, "subject")
	for i, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			pid := cast(t, kind, subject, filepath.Join(folder, fmt.Sprint("k", i)), socket)
			for s, setting := range settings {
				compare(t, setting.name, ask(builtin[s], pid), ask(alone[s], pid))
			}
		})
	}
	for name, pid := range strangers(t) {
		for s, setting := range settings {
			compare(t, name+", "+setting.name, ask(builtin[s], pid), ask(alone[s], pid))
		}
	}
}

func TestNumbersWithoutAWorkload(t *testing.T) {
	builtin, observe, deny, _ := stages(t)
	for name, pid := range strangers(t) {
		t.Run(name, func(t *testing.T) {
			for s, setting := range settings {
				compare(t, "observe, "+setting.name, ask(builtin[s], pid), ask(observe.by[s], pid))
				if got := ask(deny.by[s], pid); status.Code(got.err) != codes.PermissionDenied {
					t.Errorf("deny, %s: %v", setting.name, got)
				}
			}
		})
	}
}

// Errors are compared by their code: the texts name our files and theirs.
func compare(t *testing.T, where string, want, got said) {
	t.Helper()
	if status.Code(want.err) != status.Code(got.err) || !slices.Equal(want.values, got.values) {
		t.Errorf("%s:\n built-in: %v\n belfry:   %v", where, want, got)
	}
}

func compareDenied(t *testing.T, kind kind, setting string, want, got said, withoutPathOrHash func() said) {
	t.Helper()
	where := fmt.Sprintf("deny, %s (%s)", setting, kind.why)
	switch {
	case kind.deny == withheld:
		if status.Code(got.err) != codes.PermissionDenied {
			t.Errorf("%s: not withheld: %v", where, got)
		}
	case kind.deny == withoutPath:
		compare(t, where, withoutPathOrHash(), got)
	case kind.deny == withoutDigest:
		compare(t, where, said{values: without("unix:sha256:", want.values), err: want.err}, got)
	case kind.deny == unmarked:
		compare(t, where, said{values: withoutMark(want.values), err: want.err}, got)
	case want.err != nil: // where the built-in refuses, ours may refuse too, or leave out what cannot be said
		if plain := withoutPathOrHash(); got.err == nil && !slices.Equal(plain.values, without("unix:path:", without("unix:sha256:", got.values))) {
			t.Errorf("%s:\n built-in: %v\n belfry:   %v", where, want, got)
		}
	default:
		compare(t, where, want, got)
	}
}

func withoutMark(values []string) []string {
	clean := slices.Clone(values)
	for i, value := range clean {
		clean[i] = strings.TrimSuffix(value, " (deleted)")
	}
	return clean
}

func without(prefix string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(value string) bool { return strings.HasPrefix(value, prefix) })
}

// The process is there, connected to both sockets and in its final state when this returns.
func cast(t *testing.T, kind kind, subject, folder string, sockets ...string) int32 {
	t.Helper()
	must(t, os.Mkdir(folder, 0o755))
	executable := filepath.Join(folder, "subject")
	if kind.at != nil {
		executable = kind.at(t, folder, subject)
	} else {
		copyTo(t, subject, executable)
	}
	actor := kind.actor
	if actor == "" {
		actor = "plain"
	}
	running := executable
	attr := &syscall.SysProcAttr{}
	if kind.attr != nil {
		copied := *kind.attr
		attr = &copied
	}
	if kind.chroot { // the sockets are the same ones under another name
		attr.Chroot = filepath.Dir(folder)
		running = strings.TrimPrefix(executable, attr.Chroot)
		for i := range sockets {
			sockets[i] = strings.TrimPrefix(sockets[i], attr.Chroot)
		}
	}
	cmd := exec.Command(running, append([]string{actor}, sockets...)...)
	cmd.SysProcAttr = attr
	stdin, hold, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { stdin.Close(); hold.Close() })
	says, told, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { says.Close() })
	cmd.Stdin, cmd.Stdout = stdin, told
	child := rig.Start(t, folder, "subject", cmd)
	told.Close()
	line, err := bufio.NewReader(says).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not get ready: %v\n%s", kind.name, err, child.Said())
	}
	var pid int32
	fmt.Sscanf(line, "ready %d", &pid)
	if actor != "zombie" {
		pid = int32(child.Pid()) // a namespace of its own may have told it another one
	}
	if kind.ready != nil {
		kind.ready(t, executable)
	}
	return pid
}
