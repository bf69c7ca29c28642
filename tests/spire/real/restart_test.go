package real_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"belfry.test/spire/rig"
)

const (
	agentRestarts   = 50
	rawClients      = 90
	goSpiffeClients = 10
)

// Clients come back by the hundred while the agent restarts: each is pinned from its first connect on, whoever is first.
func TestAgentRestartsLeaveNoWindow(t *testing.T) {
	t.Parallel()
	agent := rig.NewAgent(t, server(t))
	stage := rig.SetStage(t)
	agent.Binary = filepath.Join(stage.Folder, "spire-agent")
	install(t, agent.Binary)
	guard := agent.Guard("deny")
	guard.Exe = agent.Binary
	daemon := rig.NewDaemon(t, rig.Settings{Guards: []rig.Guard{guard}})
	agent.Attest(t, daemon.Plugin(t, guard.Name))
	client := rig.Tool(t, stage.Folder, "client")
	agent.Register(t, "/payments", rig.Selectors(t, stage.Trusted, rig.Nobody)...)
	agent.Register(t, "/client", rig.Selectors(t, client, rig.Nobody)...)
	daemon.Boot(t)
	admin := daemon.Admin(t)
	feed := admin.Follow(t, daemon.Folder)
	agent.Boot(t)

	var crowd []*rig.Child
	for range rawClients {
		crowd = append(crowd, stage.Crowd(t, stage.Trusted, "again", agent.Socket, stage.Request))
	}
	for range goSpiffeClients {
		crowd = append(crowd, stage.Crowd(t, client, "watch", agent.Socket))
	}
	served := func() []int {
		times := make([]int, len(crowd))
		for i, one := range crowd {
			times[i] = len(one.Lines("served "))
		}
		return times
	}
	// Waits until so many have been served since then.
	again := func(least int, since []int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
		defer cancel()
		var waiting []*rig.Child
		if err := rig.Eventually(ctx, func() bool {
			waiting = nil
			for i, now := range served() {
				if now <= since[i] {
					waiting = append(waiting, crowd[i])
				}
			}
			return len(crowd)-len(waiting) >= least
		}, agent.Child, daemon.Child); err != nil {
			for _, one := range waiting[:min(3, len(waiting))] {
				t.Logf("still waiting: pid %d, %s\n%s", one.Pid(), one.Log, admin.Explain(one.Pid()))
			}
			t.Fatalf("waiting until %d clients have been served again (%d have not): %v", least, len(waiting), err)
		}
	}
	again(len(crowd), make([]int, len(crowd)))
	for life := 1; life <= agentRestarts; life++ {
		if life%2 == 0 {
			agent.Stop()
		}
		agent.Kill()
		if life == agentRestarts/2 {
			install(t, agent.Binary) // another inode under the same name
		}
		times := served()
		agent.Launch(t)
		if life%10 == 0 {
			again(len(crowd), times)
			t.Logf("%d restarts", life)
		} else {
			again(len(crowd)/4, times) // the others are still on their way when the agent goes again
		}
	}
	mine := admin.Status(t).Guards[0]
	ends := feed.Lines(`"action":"cut"`)
	for _, one := range crowd {
		one.Stop()
	}

	// A question whose connection has died with its agent is answered "unrecorded" too: it is nobody's end. What counts
	// is what a client was told, what was cut, and what the kernel met without a record.
	for what, lines := range map[string][]string{
		"were told so":              whileServing(agent.Lines("msg=")),
		"were cut":                  ends,
		"were older than Belfry":    feed.Lines("preexisting"),
		"were met without a record": feed.Lines(`"action":"unrecorded"`),
	} {
		if len(lines) != 0 {
			t.Errorf("%d honest connections %s:\n%s", len(lines), what, strings.Join(lines[:min(5, len(lines))], "\n"))
		}
	}
	t.Logf("belfryd: %d sound, %d withheld after their end, %d unavailable, %d cut", mine.Sound, mine.Withheld, mine.Unavailable, mine.Cut)
	if mine.Cut != 0 || mine.Sound < uint64(len(crowd)*5) {
		t.Errorf("belfryd's own account: %+v", mine)
	}
}

// Refusals that the agent answered while it served: what it says after closing its connections concerns nobody.
func whileServing(log []string) []string {
	var told []string
	serving := false
	for _, line := range log {
		switch {
		case strings.Contains(line, `msg="Starting agent APIs"`):
			serving = true
		case strings.Contains(line, `msg="Stopping agent APIs"`):
			serving = false
		case serving && strings.Contains(line, `msg="Workload attestation failed"`) && strings.Contains(line, "PermissionDenied"):
			told = append(told, line)
		}
	}
	return told
}

// A rename over what is there, as a package upgrade does.
func install(t *testing.T, path string) {
	t.Helper()
	if said, err := exec.Command("cp", rig.Spire(t, "spire-agent"), path+".new").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
