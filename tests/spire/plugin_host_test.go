// The real go-plugin host, set up as SPIRE's catalog sets it up (spire-facts 4.1), with the built plugin as its child.
package spire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"belfry.test/spire/rig"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/spiffe/spire-plugin-sdk/private"
	attestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/agent/workloadattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const pluginType = "WorkloadAttestor" // also key and value of the magic cookie

// PluginHost is the agent's side of one running plugin.
type PluginHost struct {
	Client   *goplugin.Client
	Conn     *grpc.ClientConn
	Attestor attestorv1.WorkloadAttestorClient
	Config   configv1.ConfigClient
	Pid      int    // of the process that was exec'd: the supervisor
	Folder   string // its TMPDIR: must be empty after the end
	Stderr   *Lines // what it wrote, line by line
	HostLog  *Lines // what go-plugin says about it
	stopped  sync.Once
}

// Lines is an io.Writer that can be read while it is written.
type Lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *Lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *Lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

func (l *Lines) Contains(part string) bool { return strings.Contains(l.String(), part) }

type grpcPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	server *grpc.Server // the host's services, on the broker, as SPIRE serves them
}

func (p *grpcPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("host side only")
}

func (p *grpcPlugin) GRPCClient(_ context.Context, broker *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	listener, err := broker.Accept(1) // private.HostServiceProviderID
	if err != nil {
		return nil, err
	}
	go p.server.Serve(listener)
	return conn, nil
}

// StartPlugin starts the built plugin as the agent would; it is stopped with the test.
func StartPlugin(t testing.TB, args ...string) *PluginHost {
	t.Helper()
	host := &PluginHost{Folder: shortFolder(t), Stderr: &Lines{}, HostLog: &Lines{}}
	command := exec.Command(rig.Built(t, "belfry-spire-plugin"), args...)
	command.Env = append(os.Environ(), "TMPDIR="+host.Folder)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	side := &grpcPlugin{server: grpc.NewServer()}
	host.Client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: pluginType, MagicCookieValue: pluginType,
		},
		Cmd:              command,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Plugins:          map[string]goplugin.Plugin{"unix": side},
		Stderr:           host.Stderr,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: host.HostLog, Level: hclog.Trace}),
	})
	t.Cleanup(func() {
		host.Stop()
		side.server.Stop()
		if t.Failed() {
			t.Logf("plugin's stderr:\n%s\nhost's log:\n%s", host.Stderr, host.HostLog)
		}
	})
	protocol, err := host.Client.Client()
	if err != nil {
		t.Fatalf("starting the plugin: %v\n%s", err, host.Stderr)
	}
	raw, err := protocol.Dispense("unix")
	if err != nil {
		t.Fatalf("dispensing the plugin: %v", err)
	}
	host.Conn = raw.(*grpc.ClientConn)
	host.Attestor = attestorv1.NewWorkloadAttestorClient(host.Conn)
	host.Config = configv1.NewConfigClient(host.Conn)
	host.Pid = command.Process.Pid
	return host
}

// Configure with plugin_data's text; an error fails the test.
func (h *PluginHost) Configure(t testing.TB, text string) {
	t.Helper()
	if err := h.TryConfigure(text); err != nil {
		t.Fatalf("configuring with %q: %v", text, err)
	}
}

func (h *PluginHost) TryConfigure(text string) error {
	_, err := h.Config.Configure(context.Background(), &configv1.ConfigureRequest{
		CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: "belfry.test"}, HclConfiguration: text,
	})
	return err
}

// Attest one process number.
func (h *PluginHost) Attest(pid int) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reply, err := h.Attestor.Attest(ctx, &attestorv1.AttestRequest{Pid: int32(pid)})
	return reply.GetSelectorValues(), err
}

// Stop as SPIRE's catalog does: Deinit, then go-plugin's Kill.
func (h *PluginHost) Stop() {
	h.stopped.Do(func() {
		if h.Conn != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			private.Deinit(ctx, h.Conn)
			cancel()
		}
		h.Client.Kill()
	})
}

// Worker is the supervisor's only child.
func (h *PluginHost) Worker(t testing.TB) int {
	t.Helper()
	var pid int
	await(t, "a worker", func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", h.Pid, h.Pid))
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(children)))
		return err == nil
	})
	return pid
}

// LogLines is the plugin's stderr, decoded as hclog reads it; a line that SPIRE would choke on fails the test.
func (h *PluginHost) LogLines(t testing.TB) []map[string]string {
	t.Helper()
	var lines []map[string]string
	whole := h.Stderr.String()
	whole = whole[:strings.LastIndexByte(whole, '\n')+1] // the host may have read half of the last line
	for line := range strings.Lines(whole) {
		var fields map[string]string
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("not an object of strings: %q: %v", line, err)
			continue
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", fields["@timestamp"]); err != nil {
			t.Errorf("timestamp: %v", err)
		}
		lines = append(lines, fields)
	}
	return lines
}

// await tries until it holds: an order of events, not a time; it gives up after a minute.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid) }

func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(text), ") Z ")
}

// shortFolder is a folder whose path leaves room for a socket's name.
func shortFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "bp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func wantCode(t testing.TB, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("answered %v, want %v", err, want)
	}
}

func isEmpty(t testing.TB, folder string) bool {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) == 0
}
