package real_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

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

// What names each attack; the cgroup backend may see one attack by several signs.
var named = map[string]string{
	"exec-swap":   "exec_after_connect",
	"scm-rights":  "exec_after_connect",
	"pidfd-getfd": "exec_after_connect",
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

	for _, attack := range attacks {
		t.Run(attack, func(t *testing.T) {
			scene := stage.Play(t, stage.Impostor, attack, agent.Socket, stage.Request, stage.Trusted)
			opener := scene.Opener(t)
			got := scene.Answer(t)
			if len(got.Identities) != 0 {
				t.Errorf("the impostor got %v", got)
			}
			if !got.Cut {
				t.Errorf("the connection was not cut: %v", got)
			}
			lines := agent.Lines(fmt.Sprintf("pid=%d", opener), "workload attestor", "failed", "PermissionDenied")
			if len(lines) == 0 {
				t.Fatalf("the agent's log names no reason for pid %d", opener)
			}
			if !strings.Contains(lines[0], named[attack]) {
				t.Errorf("expected %s, the agent's log says: %s", named[attack], lines[0])
			}
		})
	}
	t.Run("and the honest one is served afterwards", func(t *testing.T) {
		got := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
		if !slices.Contains(got.Identities, payments) {
			t.Errorf("%v", got)
		}
	})
	guard := admin.Status(t).Guards[0]
	if guard.Withheld < uint64(len(attacks)) || guard.Cut < uint64(len(attacks)) || guard.Sound == 0 {
		t.Errorf("belfryd's own account: %+v", guard)
	}
}
