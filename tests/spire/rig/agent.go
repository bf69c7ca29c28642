package rig

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Attestor is one WorkloadAttestor block of agent.conf.
type Attestor struct {
	Name    string
	Command string   // empty: SPIRE's built-in of that name
	Args    []string // plugin_args
	Data    string   // inside plugin_data {}
}

// BuiltinUnix is what stock SPIRE runs with.
var BuiltinUnix = Attestor{Name: "unix", Data: "discover_workload_path = true"}

func (a Attestor) block() string {
	var text strings.Builder
	fmt.Fprintf(&text, "  WorkloadAttestor %q {", a.Name)
	if a.Command != "" {
		fmt.Fprintf(&text, " plugin_cmd = %q", a.Command)
	}
	if len(a.Args) > 0 {
		fmt.Fprintf(&text, " plugin_args = [\"%s\"]", strings.Join(a.Args, `", "`))
	}
	fmt.Fprintf(&text, " plugin_data {\n%s\n} }\n", a.Data)
	return text.String()
}

// Agent is a spire-agent with its sockets and data in a folder of its own. The zero child: not started yet.
type Agent struct {
	*Child
	Server  *Server
	Node    string // parent of its entries
	Folder  string
	Socket  string // Workload API
	Admin   string
	Binary  string
	Health  string // http://…
	Metrics string // http://…
	config  string
	token   string
	ports   [2]int // of health and metrics

	registered []string
	since      int // bytes of log before the last launch
}

// NewAgent prepares everything that does not need the process, so that the daemon can be started first.
func NewAgent(t testing.TB, server *Server, attestors ...Attestor) *Agent {
	t.Helper()
	folder := Folder(t)
	agent := &Agent{
		Server: server,
		Node:   "/node/" + filepath.Base(folder),
		Folder: folder,
		Socket: filepath.Join(folder, "public", "api.sock"),
		Admin:  filepath.Join(folder, "admin", "admin.sock"),
		Binary: Spire(t, "spire-agent"),
	}
	health, metrics := FreePort(t), FreePort(t)
	agent.Health = fmt.Sprintf("http://127.0.0.1:%d", health)
	agent.Metrics = fmt.Sprintf("http://127.0.0.1:%d/", metrics)
	agent.config = filepath.Join(folder, "agent.conf")
	agent.token = server.joinToken(t, agent.Node)
	agent.ports = [2]int{health, metrics}
	agent.Attest(t, attestors...)
	return agent
}

// Attest by these, from the next start on.
func (a *Agent) Attest(t testing.TB, attestors ...Attestor) {
	t.Helper()
	var blocks strings.Builder
	for _, attestor := range attestors {
		blocks.WriteString(attestor.block())
	}
	write(t, a.config, fmt.Sprintf(`
agent {
  data_dir = %q
  log_level = "DEBUG"
  server_address = "127.0.0.1"
  server_port = "%d"
  socket_path = %q
  admin_socket_path = %q
  insecure_bootstrap = true
  trust_domain = %q
  experimental { sync_interval = "1s" }
}
plugins {
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { directory = %q } }
%s}
health_checks { listener_enabled = true bind_address = "127.0.0.1" bind_port = "%d" }
telemetry { Prometheus { host = "127.0.0.1" port = %d } }
`, a.Folder, a.Server.Port, a.Socket, a.Admin, TrustDomain, a.Folder, blocks.String(), a.ports[0], a.ports[1]))
}

// Register says that workloads here with all of these selectors ("unix:uid:0") have this path as identity.
func (a *Agent) Register(t testing.TB, path string, selectors ...string) {
	t.Helper()
	a.Server.register(t, a.Node, path, selectors)
	a.registered = append(a.registered, "spiffe://"+TrustDomain+path)
}

// Launch returns when the Workload API's socket is served by the new process. The join token is spent once; the node's
// own identity is kept in the folder.
func (a *Agent) Launch(t testing.TB) {
	t.Helper()
	a.since = len(a.pastLog().Said())
	a.Child = Start(t, a.Folder, "agent", exec.Command(a.Binary, "run", "-config", a.config, "-joinToken", a.token))
	Until(t, "the SPIRE agent serves", func() bool {
		return strings.Contains(a.Recently(), `msg="Starting agent APIs"`)
	}, a.Child)
}

// Boot returns when it also has the identities of everybody registered so far.
func (a *Agent) Boot(t testing.TB) {
	t.Helper()
	a.Launch(t)
	for _, identity := range a.registered {
		updated := regexp.MustCompile(`msg="SVID updated".* spiffe_id="` + regexp.QuoteMeta(identity) + `"`)
		Until(t, "the agent has "+identity, func() bool { return updated.MatchString(a.Recently()) }, a.Child)
	}
}

// Recently is what the agent has logged since it was launched last.
func (a *Agent) Recently() string { return a.pastLog().Said()[a.since:] }

// The log also while there is no process.
func (a *Agent) pastLog() *Child { return &Child{Log: filepath.Join(a.Folder, "agent.log")} }

// BootAgent is NewAgent and Boot.
func BootAgent(t testing.TB, server *Server, attestors ...Attestor) *Agent {
	t.Helper()
	agent := NewAgent(t, server, attestors...)
	agent.Boot(t)
	return agent
}

// Metric adds up the samples of one family whose labels contain all of these parts; 0 while there is none.
func (a *Agent) Metric(t testing.TB, family string, parts ...string) float64 {
	t.Helper()
	reply, err := http.Get(a.Metrics)
	if err != nil {
		t.Fatalf("reading the agent's metrics: %v", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	sample := regexp.MustCompile(`(?m)^` + family + `(\{[^}]*\})? (\S+)$`)
next:
	for _, match := range sample.FindAllStringSubmatch(string(text), -1) {
		for _, part := range parts {
			if !strings.Contains(match[1], part) {
				continue next
			}
		}
		value, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum
}

// Probe is the status code of /live or /ready.
func (a *Agent) Probe(t testing.TB, path string) int {
	t.Helper()
	reply, err := http.Get(a.Health + path)
	if err != nil {
		t.Fatalf("asking the agent's %s: %v", path, err)
	}
	reply.Body.Close()
	return reply.StatusCode
}
