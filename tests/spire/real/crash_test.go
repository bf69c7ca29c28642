package real_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"belfry.test/spire/rig"
)

const (
	crashClients  = 20
	crashConnects = 50 // of each client
	crashWaiting  = 5  // impostors that opened before, and as many in between
)

// kill -9 in the middle of 1,000 connects. Pinned, the kernel part goes on recording; not pinned, what was opened in
// between has no record. Neither may ever become a grant to somebody else.
func TestCrashInTheMiddleOfConnects(t *testing.T) {
	for _, pinned := range []bool{true, false} {
		t.Run(fmt.Sprintf("pinned=%v", pinned), func(t *testing.T) { crash(t, pinned) })
	}
}

// An actor that waits for a byte: an impostor whose swap is done and who has not asked yet, a workload with an open stream.
type waiting struct {
	*rig.Scene
	release *os.File
}

func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	return read, write
}

func swap(t *testing.T, stage *rig.Stage, agent *rig.Agent) waiting {
	t.Helper()
	read, write := pipe(t)
	scene := waiting{stage.PlayWith(t, read, stage.Impostor, "kept", agent.Socket, stage.Request, stage.Trusted), write}
	rig.Until(t, "the impostor is ready", func() bool { return len(scene.Lines("ready")) > 0 }, scene.Child)
	return scene
}

func (w waiting) ask(t *testing.T, when string) {
	t.Helper()
	w.release.Write([]byte("g"))
	if got := w.Answer(t); len(got.Identities) != 0 {
		t.Errorf("an impostor that asked %s got %v", when, got)
	}
}

func crash(t *testing.T, pinned bool) {
	agent := rig.NewAgent(t, server(t))
	settings := rig.Settings{Guards: []rig.Guard{agent.Guard("deny")}}
	if pinned {
		settings.Bpffs = rig.Bpffs(t)
	}
	daemon := rig.NewDaemon(t, settings)
	agent.Attest(t, daemon.Plugin(t, agent.GuardName()))
	stage := rig.SetStage(t)
	agent.Register(t, "/payments", rig.Selectors(t, stage.Trusted, rig.Nobody)...)
	daemon.Boot(t)
	agent.Boot(t)
	var early, between []waiting
	for range crashWaiting {
		early = append(early, swap(t, stage, agent))
	}
	held := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request) // honest, and holds on to its stream
	if got := held.Answer(t); len(got.Identities) == 0 {
		t.Fatalf("the honest workload got %v", got)
	}
	var crowd []*rig.Child
	for range crashClients {
		crowd = append(crowd, stage.Crowd(t, stage.Trusted, "many", agent.Socket, stage.Request, fmt.Sprint(crashConnects)))
	}
	answers := func(kind string) int {
		count := 0
		for _, one := range crowd {
			count += len(one.Lines(kind))
		}
		return count
	}
	rig.Until(t, "a third of the connects are done", func() bool { return answers("served ") >= crashClients*crashConnects/3 }, daemon.Child)
	daemon.Crash()
	for range crashWaiting {
		between = append(between, swap(t, stage, agent))
	}
	early[0].ask(t, "while the daemon was down")
	between[0].ask(t, "while the daemon was down")
	daemon.Boot(t)
	for _, one := range crowd {
		if pinned {
			one.Wait(t)
		} else { // older than this Belfry: their path and digest are absent now, and no entry matches
			one.Kill()
		}
	}
	t.Logf("1,000 connects: %d served, %d refused, %d ended", answers("served "), answers("refused "), answers("empty "))
	for i := 1; i < crashWaiting; i++ {
		early[i].ask(t, "after the restart, having connected before the crash")
		between[i].ask(t, "after the restart, having connected in between")
	}
	rig.Until(t, "the honest workload is served after the restart", func() bool {
		got := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
		return slices.Equal(got.Identities, []string{payments})
	}, agent.Child, daemon.Child)
	if !pinned { // nobody can say any more whose it is
		rig.Until(t, "the honest stream of before is cut", func() bool { return len(held.Lines("end=")) > 0 }, agent.Child, daemon.Child)
	}
	judge(t, daemon, agent, pinned)
}

func judge(t *testing.T, daemon *rig.Daemon, agent *rig.Agent, pinned bool) {
	t.Helper()
	status := daemon.Admin(t).Status(t)
	if status.Adopted != pinned {
		t.Errorf("adopted=%v, expected %v: evidence outlives the daemon exactly when it is pinned", status.Adopted, pinned)
	}
	if guard := status.Guards[0]; guard.Sound == 0 || guard.Cut == 0 {
		t.Errorf("belfryd's own account after the restart: %+v", guard)
	}
	if lines := agent.Lines("workload attestor", "unrecorded"); pinned && len(lines) != 0 {
		t.Errorf("pinned, and yet something was not recorded:\n%s", strings.Join(lines[:min(5, len(lines))], "\n"))
	}
}
