package spire

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"belfry.test/spire/rig"
	"github.com/spiffe/spire-plugin-sdk/private"
	attestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/agent/workloadattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"github.com/spiffe/spire/pkg/agent/plugin/workloadattestor/unix"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	soundReply = `outcome: OUTCOME_SOUND mode: MODE_DENY guard: "agent"
		evidence { uid: 0 gid: 0 path: "/usr/bin/payments" sha256: "aa" preload_none: true provenance: "connect" backend: "cgroup" }`
	withheldReply = `outcome: OUTCOME_WITHHELD mode: MODE_DENY guard: "agent" reasons: "exec_after_connect"
		message: "guard agent: pid 7: exec_after_connect"`
)

func configuration(daemon *PaperDaemon, more string) string {
	return fmt.Sprintf("attest_socket = %q\n%s\n", daemon.Socket, more)
}

// sleeper is a process that is not the agent, alive until the test ends.
func sleeper(t testing.TB) int {
	t.Helper()
	command := exec.Command("sleep", "infinity")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	return command.Process.Pid
}

// builtin is SPIRE's own attestor, in this process.
func builtin(t testing.TB, text string) func(pid int) ([]string, error) {
	t.Helper()
	plugin := unix.New()
	_, err := plugin.Configure(context.Background(), &configv1.ConfigureRequest{
		CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: "belfry.test"}, HclConfiguration: text,
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(pid int) ([]string, error) {
		reply, err := plugin.Attest(context.Background(), &attestorv1.AttestRequest{Pid: int32(pid)})
		return reply.GetSelectorValues(), err
	}
}

func wantAsBuiltin(t testing.TB, host *PluginHost, oracle func(int) ([]string, error), pid int) {
	t.Helper()
	want, wantErr := oracle(pid)
	got, err := host.Attest(pid)
	if status.Code(err) != status.Code(wantErr) || !slices.Equal(got, want) {
		t.Errorf("pid %d: answered %q, %v; the built-in answers %q, %v", pid, got, err, want, wantErr)
	}
}

func TestPluginLoadsAsTheAgentLoadsIt(t *testing.T) {
	host := StartPlugin(t)
	if _, err := host.Attest(1); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("not configured: %v", err)
	}
	names, err := private.Init(context.Background(), host.Conn, []string{"spire.hostservice.common.metrics.v1.Metrics"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spire.plugin.agent.workloadattestor.v1.WorkloadAttestor", "spire.service.common.config.v1.Config"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not announced", name)
		}
	}
	health, err := healthv1.NewHealthClient(host.Conn).Check(context.Background(), &healthv1.HealthCheckRequest{Service: "plugin"})
	if err != nil || health.Status != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	for _, text := range []string{"", "discover_workload_path = true", `{"discover_workload_path": true, "workload_size_limit": "10"}`} {
		host.Configure(t, text) // with no daemon anywhere
	}
	wantCode(t, host.TryConfigure("discover_workload_path = 1"), codes.InvalidArgument)
	validated, err := host.Config.Validate(context.Background(), &configv1.ValidateRequest{HclConfiguration: "x = 1"})
	if err != nil || !validated.Valid || len(validated.Notes) != 1 {
		t.Errorf("validating an unknown key: %v, %v", validated, err)
	}
	validated, err = host.Config.Validate(context.Background(), &configv1.ValidateRequest{HclConfiguration: "x ="})
	if err != nil || validated.Valid || !strings.Contains(strings.Join(validated.Notes, ""), "line 1, column 4") {
		t.Errorf("validating half a setting: %v, %v", validated, err)
	}
	host.LogLines(t)
}

func TestPluginPassesOnWhatTheDaemonSays(t *testing.T) {
	daemon := NewPaperDaemon(t)
	daemon.Answer(soundReply)
	daemon.Start(t)
	host := StartPlugin(t, "--guard=agent")
	host.Configure(t, configuration(daemon, "discover_workload_path = true\nworkload_size_limit = 77"))
	pid := sleeper(t)

	var asked atomic.Pointer[dynamicpb.Message]
	daemon.AnswerWith(func(question *dynamicpb.Message) string { asked.Store(question); return soundReply })
	values, err := host.Attest(pid)
	want := []string{"uid:0", "user:root", "gid:0", "group:root", "path:/usr/bin/payments", "sha256:aa"}
	if err != nil || !slices.Equal(values, want) {
		t.Errorf("sound: %q, %v", values, err)
	}
	question := asked.Load()
	if field(question, "pid").Int() != int64(pid) || field(question, "guard").String() != "agent" ||
		!field(question, "want_path").Bool() || !field(question, "want_sha256").Bool() || field(question, "size_limit").Int() != 77 {
		t.Errorf("asked %v", question)
	}

	for _, step := range []struct {
		reply string
		code  codes.Code
		said  string
	}{
		{withheldReply, codes.PermissionDenied, "exec_after_connect"},
		{`outcome: OUTCOME_NOT_OURS mode: MODE_DENY`, codes.PermissionDenied, ""},
		{`outcome: OUTCOME_UNAVAILABLE mode: MODE_DENY message: "later"`, codes.Unavailable, "later"},
		{`mode: MODE_DENY`, codes.Unavailable, ""},
	} {
		daemon.Answer(step.reply)
		_, err := host.Attest(pid)
		wantCode(t, err, step.code)
		if !strings.Contains(status.Convert(err).Message(), step.said) {
			t.Errorf("said %v, want %q in it", err, step.said)
		}
	}
	daemon.Answer(`outcome: OUTCOME_SOUND mode: MODE_DENY evidence { uid: 5 path: "/a\xffb" }`)
	if values, err := host.Attest(pid); err != nil || !slices.Equal(values, []string{"uid:5", "user:games", "gid:0", "group:root"}) {
		t.Errorf("a path that is no UTF-8: %q, %v", values, err)
	}
	await(t, "the agent's log to name the reason", func() bool {
		return slices.ContainsFunc(host.LogLines(t), func(line map[string]string) bool {
			return line["@message"] == "withheld" && line["reason"] == "exec_after_connect" && line["pid"] == fmt.Sprint(pid)
		})
	})
}

func TestPluginAnswersAsTheBuiltinBelowDeny(t *testing.T) {
	const settings = "discover_workload_path = true\n"
	daemon := NewPaperDaemon(t)
	daemon.Answer(strings.ReplaceAll(withheldReply, "DENY", "OBSERVE"))
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, settings+`assume = "observe"`))
	oracle := builtin(t, settings)
	pids := []int{sleeper(t), os.Getpid(), 0, -1, 1 << 22, 2}
	for _, pid := range pids {
		wantAsBuiltin(t, host, oracle, pid) // nobody listens: what is assumed counts
	}
	daemon.Start(t)
	await(t, "the plugin to find the daemon", func() bool {
		host.Attest(pids[0])
		return host.Stderr.Contains("would withhold")
	})
	for _, pid := range pids {
		wantAsBuiltin(t, host, oracle, pid)
	}
	host.Configure(t, configuration(daemon, settings+"workload_size_limit = 10"))
	wantAsBuiltin(t, host, builtin(t, settings+"workload_size_limit = 10"), pids[0])
	host.Configure(t, configuration(daemon, settings+"workload_size_limit = -1"))
	wantAsBuiltin(t, host, builtin(t, settings+"workload_size_limit = -1"), pids[0])
}

func TestPluginWithoutADaemon(t *testing.T) {
	daemon := NewPaperDaemon(t)
	host := StartPlugin(t)
	pid := sleeper(t)
	host.Configure(t, configuration(daemon, ""))
	_, err := host.Attest(pid)
	wantCode(t, err, codes.Unavailable)
	_, err = host.Attest(0)
	wantCode(t, err, codes.PermissionDenied)
	if values, err := host.Attest(os.Getpid()); err != nil || len(values) != 0 {
		t.Errorf("the agent itself, in deny: %q, %v", values, err)
	}
	host.Configure(t, configuration(daemon, `profile = "belfry" assume = "observe"`))
	_, err = host.Attest(pid)
	wantCode(t, err, codes.Unavailable)
}

func TestPluginAnswersByItsDeadline(t *testing.T) {
	daemon := NewPaperDaemon(t)
	release := make(chan struct{})
	daemon.AnswerWith(func(*dynamicpb.Message) string { <-release; return soundReply })
	daemon.Start(t)
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, `deadline = "100ms"`))
	_, err := host.Attest(sleeper(t)) // the daemon answers after this, or never
	wantCode(t, err, codes.Unavailable)
	if !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("said %v", err)
	}
	close(release)
}

func TestPluginSurvivesRestartsOfTheDaemon(t *testing.T) {
	daemon := NewPaperDaemon(t)
	daemon.Answer(soundReply)
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, `assume = "observe"`))
	pid := sleeper(t)
	for range 3 {
		daemon.Start(t)
		await(t, "a sound answer", func() bool {
			values, err := host.Attest(pid)
			return err == nil && slices.Contains(values, "path:/usr/bin/payments")
		})
		daemon.Stop()
		_, err := host.Attest(pid) // assumed observe, but told deny
		wantCode(t, err, codes.Unavailable)
	}
	daemon.mode = "MODE_WARN"
	daemon.Start(t)
	await(t, "the mode to be told", func() bool { return host.Stderr.Contains(`"mode":"warn"`) })
	daemon.Stop()
	wantAsBuiltin(t, host, builtin(t, ""), pid)
	host.LogLines(t)
}

func TestPluginAnswersReferences(t *testing.T) {
	daemon := NewPaperDaemon(t)
	var asked atomic.Pointer[dynamicpb.Message]
	daemon.AnswerWith(func(question *dynamicpb.Message) string { asked.Store(question); return soundReply })
	daemon.Start(t)
	host := StartPlugin(t, "--profile=belfry")
	host.Configure(t, configuration(daemon, ""))
	refer := func(reference *anypb.Any) ([]string, error) {
		reply, err := host.Attestor.AttestReference(context.Background(), &attestorv1.AttestReferenceRequest{Reference: reference})
		return reply.GetSelectorValues(), err
	}
	pidReference := &anypb.Any{
		TypeUrl: "type.googleapis.com/spiffe.broker.WorkloadPIDReference",
		Value:   protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7),
	}
	values, err := refer(pidReference)
	if err != nil || !slices.Contains(values, "evidence:exec") || slices.Contains(values, "evidence:connect") {
		t.Errorf("answered %q, %v", values, err)
	}
	if question := asked.Load(); !field(question, "reference").Bool() || field(question, "pid").Int() != 7 {
		t.Errorf("asked %v", question)
	}
	other, _ := anypb.New(&emptypb.Empty{})
	_, err = refer(other)
	wantCode(t, err, codes.Unimplemented)
	_, err = refer(nil)
	wantCode(t, err, codes.Unimplemented)
	values, err = host.Attest(sleeper(t))
	if err != nil || !slices.Contains(values, "preload:none") || !slices.Contains(values, "backend:cgroup") {
		t.Errorf("profile belfry: %q, %v", values, err)
	}
	host.Configure(t, configuration(daemon, `profile = "unix"`))
	_, err = refer(pidReference)
	wantCode(t, err, codes.Unimplemented)
}

func TestPluginByHand(t *testing.T) {
	output, err := exec.Command(rig.Built(t, "belfry-spire-plugin")).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "not run by hand") {
		t.Errorf("%q, %v", output, err)
	}
}

func TestPluginIsOneSmallStaticFile(t *testing.T) {
	program := rig.Built(t, "belfry-spire-plugin")
	if text, _ := exec.Command("ldd", program).CombinedOutput(); !strings.Contains(string(text), "not a dynamic executable") {
		t.Skipf("belfry-spire-plugin was built dynamically (sanitizers): %s", text)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) >= 10_000_000 {
		t.Errorf("%d bytes", len(data))
	}
	root := shortFolder(t)
	if err := os.WriteFile(root+"/plugin", data, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		t.Skip("chroot needs root")
	}
	output, err := exec.Command("chroot", root, "/plugin").CombinedOutput()
	if !strings.Contains(string(output), "not run by hand") {
		t.Errorf("in an empty root: %q, %v", output, err)
	}
}
