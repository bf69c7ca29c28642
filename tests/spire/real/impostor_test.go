package real_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"belfry.test/spire/rig"
)

// One line in agent.conf, the entry as it was: the honest workload still gets its identity, by SPIRE's own clients.
func TestHonestWorkloadIsServed(t *testing.T) {
	daemon, agent := rig.Guarded(t, server(t), "deny")
	stage := rig.SetStage(t)
	client := rig.Tool(t, stage.Folder, "client")
	fetcher := copyOf(t, rig.Spire(t, "spire-agent"), stage.Folder)
	for path, workload := range map[string]string{"/payments": stage.Trusted, "/client": client, "/fetcher": fetcher} {
		agent.Register(t, path, rig.Selectors(t, workload, rig.Nobody)...)
	}
	unseen := rig.Unseen(t, stage.Trusted)
	agent.Register(t, "/unseen", rig.Selectors(t, unseen, rig.Nobody)...)
	daemon.Boot(t)
	agent.Boot(t)

	t.Run("go-spiffe", func(t *testing.T) {
		said, err := rig.AsNobody(exec.Command(client, "once", agent.Socket)).CombinedOutput()
		if err != nil || strings.TrimSpace(string(said)) != "served spiffe://"+rig.TrustDomain+"/client" {
			t.Errorf("%v: %s", err, said)
		}
	})
	t.Run("spire-agent api fetch x509", func(t *testing.T) {
		said, err := rig.AsNobody(exec.Command(fetcher, "api", "fetch", "x509", "-socketPath", agent.Socket)).CombinedOutput()
		if err != nil || !strings.Contains(string(said), "spiffe://"+rig.TrustDomain+"/fetcher") {
			t.Errorf("%v: %s", err, said)
		}
	})
	t.Run("one connection and raw bytes", func(t *testing.T) {
		got := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
		if !slices.Equal(got.Identities, []string{payments}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("executable whose inode nobody has looked at yet", func(t *testing.T) {
		got := stage.Play(t, unseen, "fetch", agent.Socket, stage.Request).Answer(t)
		if !slices.Equal(got.Identities, []string{"spiffe://" + rig.TrustDomain + "/unseen"}) {
			t.Errorf("%v", got)
		}
	})
	if withheld := agent.Lines("workload attestor", "failed"); len(withheld) != 0 {
		t.Errorf("somebody honest was withheld:\n%s", strings.Join(withheld, "\n"))
	}
}

func copyOf(t *testing.T, program, folder string) string {
	t.Helper()
	path := folder + "/fetcher"
	if said, err := exec.Command("cp", program, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return path
}

// What names an attack: the opener runs another image than at connect, or somebody else holds its descriptor. One
// attack may be seen by both.
func named(lines []string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		return strings.Contains(line, "exec_after_connect") || strings.Contains(line, "fd_transferred")
	})
}

func TestImpostorsGetNothing(t *testing.T) {
	repelImpostors(t, nil, nil)
}

// A second attestor that vouches for everybody changes nothing: the connection is cut before Attest returns.
func TestImpostorsGetNothingBesideAnAttestorThatAlwaysSucceeds(t *testing.T) {
	always := rig.Attestor{Name: "always", Command: rig.Tool(t, rig.Folder(t), "always")}
	repelImpostors(t, []rig.Attestor{always}, []string{"always:everybody"})
}

func repelImpostors(t *testing.T, others []rig.Attestor, everybody []string) {
	daemon, agent := rig.Guarded(t, server(t), "deny", others...)
	stage := rig.SetStage(t)
	agent.Register(t, "/payments", rig.Selectors(t, stage.Trusted, rig.Nobody)...)
	if everybody != nil {
		agent.Register(t, "/everybody", everybody...)
	}
	daemon.Boot(t)
	agent.Boot(t)
	admin := daemon.Admin(t)
	feed := admin.Follow(t, daemon.Folder)

	for _, attack := range attacks {
		t.Run(attack, func(t *testing.T) {
			scene := stage.Play(t, stage.Impostor, attack, agent.Socket, stage.Request, stage.Trusted)
			opener := scene.Opener(t)
			expectCut(t, scene.Answer(t))
			// Cut at the exec itself, it may never have come to asking: then the agent had nothing to log.
			rig.Until(t, "somebody names the reason", func() bool {
				return named(agent.Lines(fmt.Sprintf("pid=%d ", opener))) || named(feed.Lines(fmt.Sprintf(`"pid":%d,`, opener))) || named(feed.Lines(fmt.Sprintf(`"pid":%d}`, opener)))
			}, daemon.Child)
		})
		// As if the watch room were slow: the impostor comes to asking, and the agent's log says what became of it.
		t.Run(attack+" while belfryd is slow", func(t *testing.T) {
			daemon.Cmd.Process.Signal(syscall.SIGSTOP)
			defer daemon.Cmd.Process.Signal(syscall.SIGCONT)
			scene := stage.Play(t, stage.Impostor, attack, agent.Socket, stage.Request, stage.Trusted)
			opener := scene.Opener(t)
			rig.Until(t, "belfryd was asked", func() bool { return agent.PluginAsked(daemon) }, agent.Child)
			daemon.Cmd.Process.Signal(syscall.SIGCONT)
			expectCut(t, scene.Answer(t))
			ours := func() []string { return agent.Lines(fmt.Sprintf("pid=%d ", opener)) }
			rig.Until(t, "the agent's log says that it was withheld", func() bool {
				return slices.ContainsFunc(ours(), func(line string) bool { return strings.Contains(line, "withheld") })
			}, agent.Child)
			if !named(ours()) {
				t.Errorf("the agent's log does not name the reason:\n%s", strings.Join(ours(), "\n"))
			}
		})
	}
	t.Run("and the honest one is served afterwards", func(t *testing.T) {
		got := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
		if !slices.Contains(got.Identities, payments) {
			t.Errorf("%v", got)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rig.Eventually(ctx, func() bool {
		guard := admin.Status(t).Guards[0]
		return guard.Cut >= uint64(2*len(attacks)) && guard.Sound > 0
	}, daemon.Child); err != nil {
		t.Errorf("belfryd has not counted every cut (%v): %+v\n%s", err, admin.Status(t).Guards[0], strings.Join(feed.Lines(`"action":"cut"`), "\n"))
	}
}

func expectCut(t *testing.T, got rig.Answer) {
	t.Helper()
	if len(got.Identities) != 0 {
		t.Errorf("the impostor got %v", got)
	}
	if !got.Cut {
		t.Errorf("the connection was not cut: %v", got)
	}
}
