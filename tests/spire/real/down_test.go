package real_test

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"belfry.test/spire/rig"
)

// Nobody is answered instead of the daemon: the plugin gives up at its own deadline, and comes back by itself.
func TestDaemonDownMeansUnavailable(t *testing.T) {
	t.Parallel()
	daemon, agent := rig.Guarded(t, server(t), "deny")
	stage := rig.SetStage(t)
	agent.Register(t, "/payments", rig.Selectors(t, stage.Trusted, rig.Nobody)...)
	agent.Boot(t) // Configure judges only its own text: no daemon yet

	unavailable := func(t *testing.T) {
		t.Helper()
		began := time.Now()
		got := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
		t.Logf("answered after %v: %v", time.Since(began).Round(time.Millisecond), got)
		if len(got.Identities) != 0 || !strings.HasPrefix(got.Status, "14 ") {
			t.Errorf("expected Unavailable, got %v", got)
		}
	}
	served := func(t *testing.T) {
		t.Helper()
		var got rig.Answer
		rig.Until(t, "the honest workload is served", func() bool {
			got = stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
			return slices.Equal(got.Identities, []string{payments})
		}, agent.Child, daemon.Child)
	}
	t.Run("never started", unavailable)
	daemon.Boot(t)
	t.Run("after its start", served)
	t.Run("hung", func(t *testing.T) {
		daemon.Cmd.Process.Signal(syscall.SIGSTOP)
		defer daemon.Cmd.Process.Signal(syscall.SIGCONT)
		unavailable(t)
	})
	t.Run("after it woke", served)
	daemon.Crash()
	t.Run("crashed", unavailable)
	// One that holds on to its connection, as gRPC does, would ask on it for ever.
	patient := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request)
	if got := patient.Answer(t); !strings.HasPrefix(got.Status, "14 ") {
		t.Errorf("expected Unavailable, got %v", got)
	}
	daemon.Boot(t)
	t.Run("whose connection was answered Unavailable is cut", func(t *testing.T) {
		rig.Until(t, "its connection ends", func() bool { return len(patient.Lines("end=")) > 0 }, agent.Child, daemon.Child)
	})
	t.Run("after its restart", served)
	if lines := agent.Lines("workload attestor", "failed", "Unavailable"); len(lines) < 3 {
		t.Errorf("the agent's log has not named Unavailable three times: %q", lines)
	}
}

// SPIRE asks its own Workload API once a minute and counts Unavailable as sickness: a watch room that is down must not
// bring the spire down. Three of these minutes are waited for (one with -short); nothing makes them shorter.
func TestAgentStaysHealthyWhileDaemonIsDown(t *testing.T) {
	t.Parallel()
	daemon, agent := rig.GuardedAndPinned(t, server(t), "deny", rig.Demand{})
	stage := rig.SetStage(t)
	client := rig.Tool(t, stage.Folder, "client")
	agent.Register(t, "/client", rig.Selectors(t, client, rig.Nobody)...)
	daemon.Boot(t)
	agent.Boot(t)
	before := stage.Crowd(t, client, "watch", agent.Socket)
	rig.Until(t, "the client is served", func() bool { return len(before.Lines("served")) > 0 }, before)

	if err := daemon.Stop(); err != nil {
		t.Fatalf("belfryd did not end cleanly: %v", err)
	}
	during := stage.Crowd(t, client, "watch", agent.Socket)
	checks := func() float64 { // the agent's own pid is the only one that is answered just now
		return agent.Metric(t, "spire_agent_workload_api_workload_attestor", `attestor="unix"`, `status="OK"`)
	}
	wanted := 3.0
	if testing.Short() {
		wanted = 1
	}
	had := checks()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	passed := 0.0
	if err := rig.Eventually(ctx, func() bool {
		if now := checks() - had; now != passed {
			passed = now
			t.Logf("%v of the agent's own health checks have passed", passed)
		}
		time.Sleep(time.Second) // each look is an HTTP request
		return passed >= wanted
	}, agent.Child); err != nil {
		t.Fatalf("waiting for %v of the agent's own checks: %v", wanted, err)
	}
	if code := agent.Probe(t, "/live"); code != 200 {
		t.Errorf("/live is %d", code)
	}
	if state := grpcHealth(t, agent); state != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("gRPC Health is %v", state)
	}
	if len(during.Lines("served")) != 0 {
		t.Errorf("somebody was served without the daemon: %v", during.Said())
	}

	daemon.Boot(t)
	rig.Until(t, "the one who came in between is served", func() bool { return len(during.Lines("served")) > 0 }, during, agent.Child)
	// Evidence has outlived the daemon: who was served before has lost nothing, and is served by a new connection too.
	agent.Kill()
	already := len(before.Lines("served"))
	agent.Launch(t)
	rig.Until(t, "the one who was there before is served again", func() bool { return len(before.Lines("served")) > already }, before, agent.Child)
	before.Stop()
	during.Stop()
}

func grpcHealth(t *testing.T, agent *rig.Agent) grpc_health_v1.HealthCheckResponse_ServingStatus {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+agent.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply, err := grpc_health_v1.NewHealthClient(conn).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Errorf("gRPC Health: %v", err)
		return grpc_health_v1.HealthCheckResponse_UNKNOWN
	}
	return reply.Status
}
