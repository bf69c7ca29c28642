package real_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"belfry.test/spire/rig"
)

// The kernel part refuses (bpf_lsm, fmod_ret) whatever becomes of the daemon.
var fates = []struct {
	name         string
	befall, back func(*testing.T, *rig.Daemon)
}{
	{"with belfryd", func(*testing.T, *rig.Daemon) {}, func(*testing.T, *rig.Daemon) {}},
	{"while it is stopped",
		func(_ *testing.T, d *rig.Daemon) { d.Cmd.Process.Signal(syscall.SIGSTOP) },
		func(_ *testing.T, d *rig.Daemon) { d.Cmd.Process.Signal(syscall.SIGCONT) }},
	{"after it was killed", func(_ *testing.T, d *rig.Daemon) { d.Crash() }, func(t *testing.T, d *rig.Daemon) { d.Boot(t) }},
}

// A pinned guard in `deny` before an agent, both live, and /payments for this program.
func refusing(t *testing.T, honest string, demand rig.Demand) (*rig.Daemon, *rig.Agent) {
	t.Helper()
	daemon, agent := rig.GuardedAndPinned(t, server(t), "deny", demand)
	agent.Register(t, "/payments", rig.Selectors(t, honest, rig.Nobody)...)
	daemon.Boot(t)
	if backend := daemon.Admin(t).Status(t).Backend; backend == "cgroup" {
		t.Skipf("missing: a backend that refuses (bpf_lsm or fmod_ret); this is %s", backend)
	}
	agent.Boot(t)
	return daemon, agent
}

// What each attack comes to: a forked child has the descriptor, an accomplice does not even get it.
var refusals = map[string]string{
	"exec-swap":   "end=send:Permission denied",
	"scm-rights":  "end=transfer:dropped",
	"pidfd-getfd": "end=transfer:Permission denied",
}

func TestImpostorsCannotSendOneByte(t *testing.T) {
	stage := rig.SetStage(t)
	daemon, agent := refusing(t, stage.Trusted, rig.Demand{})
	heardOf := func(pid int) []string { return agent.Lines(fmt.Sprintf("pid=%d ", pid)) }
	rig.Until(t, "the honest one is served", func() bool {
		scene := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request)
		return slices.Equal(scene.Answer(t).Identities, []string{payments}) && len(heardOf(scene.Pid())) > 0
	}, agent.Child, daemon.Child)
	var impostors []int
	for _, fate := range fates {
		fate.befall(t, daemon)
		for _, attack := range attacks {
			t.Run(attack+" "+fate.name, func(t *testing.T) {
				scene := stage.Play(t, stage.Impostor, attack, agent.Socket, stage.Request, stage.Trusted)
				rig.Until(t, "the impostor says how it ended", func() bool { return len(scene.Lines("end=")) > 0 }, agent.Child)
				if end := scene.Lines("end="); end[0] != refusals[attack] {
					t.Errorf("expected %s, got %s", refusals[attack], end[0])
				}
				impostors = append(impostors, scene.Opener(t))
			})
		}
	}
	for _, pid := range impostors {
		if lines := heardOf(pid); len(lines) != 0 {
			t.Errorf("an impostor has asked the agent:\n%s", strings.Join(lines, "\n"))
		}
	}
}

// A gRPC server in Go under load: many honest clients at once, each a process of its own that opens, fetches and ends.
func TestHonestClientsUnderLoadAreServed(t *testing.T) {
	const workers, each = 8, 5
	stage := rig.SetStage(t)
	client := rig.Tool(t, stage.Folder, "client")
	daemon, agent := refusing(t, client, rig.Demand{Deadline: "60s", Allow: client}) // a slow machine is no refusal
	fetch := func() ([]byte, error) {
		return rig.AsNobody(exec.Command(client, "once", agent.Socket)).CombinedOutput()
	}
	rig.Until(t, "the first one is served", func() bool { _, err := fetch(); return err == nil }, agent.Child, daemon.Child)
	var crowd sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		crowd.Add(1)
		go func() {
			defer crowd.Done()
			for i := 0; i < each; i++ {
				if said, err := fetch(); err != nil || strings.TrimSpace(string(said)) != "served "+payments {
					t.Errorf("%v: %s", err, said)
				}
			}
		}()
	}
	crowd.Wait()
	status := daemon.Admin(t).Status(t)
	for _, guard := range status.Guards {
		if guard.Refused != 0 || guard.Withheld != 0 || guard.Cut != 0 {
			t.Errorf("guard %s refused %d times, withheld %d and cut %d", guard.Name, guard.Refused, guard.Withheld, guard.Cut)
		}
	}
	for _, program := range status.Programs {
		if program.LostRing != 0 {
			t.Errorf("%s lost %d reports: refusals may be among them", program.Name, program.LostRing)
		}
	}
	if failed := agent.Lines("workload attestor", "failed"); len(failed) != 0 {
		t.Errorf("somebody honest was withheld:\n%s", strings.Join(failed, "\n"))
	}
}

func TestOpenStreamsCarryNothingOnceTheOpenerFell(t *testing.T) {
	stage := rig.SetStage(t)
	leaver := rig.Actor(t, stage.Folder, "leaver")
	daemon, agent := refusing(t, leaver, rig.Demand{})
	open := func(how string) waiting { return openStream(t, stage, leaver, agent, how) }
	stayed, streams := open("exec"), map[string]map[string]waiting{}
	for _, fate := range fates {
		streams[fate.name] = map[string]waiting{"exec": open("exec"), "exit": open("exit")}
	}
	for number, fate := range fates {
		fallen := streams[fate.name]
		first, second := fmt.Sprintf("/first-%d", number), fmt.Sprintf("/second-%d", number)
		fate.befall(t, daemon)
		for _, stream := range fallen {
			stream.fall(t)
		}
		push(t, agent, leaver, stayed, first)
		for _, stream := range fallen {
			rig.Until(t, "the agent has sent on it, or it was cut", func() bool {
				sent := agent.Lines("Fetched X.509 SVID", fmt.Sprintf("pid=%d ", stream.Pid()), first)
				return len(sent)+len(stream.Lines("end=")) > 0
			}, agent.Child)
		}
		push(t, agent, leaver, stayed, second) // what the agent had in hand has gone its way
		fate.back(t, daemon)
		for way, stream := range fallen {
			t.Run(way+" "+fate.name, func(t *testing.T) {
				rig.Until(t, "belfryd cuts it", func() bool { return len(stream.Lines("end=")) > 0 }, agent.Child, daemon.Child)
				if said := stream.Said(); said != "fallen\nend=eof\n" {
					t.Errorf("expected nothing but its end:\n%s", said)
				}
			})
		}
	}
}

func openStream(t *testing.T, stage *rig.Stage, leaver string, agent *rig.Agent, how string) waiting {
	t.Helper()
	read, write := pipe(t)
	stream := waiting{stage.PlayWith(t, read, leaver, how, agent.Socket, stage.Request), write}
	if got := stream.identities(t); !slices.Equal(got, []string{payments}) {
		t.Fatalf("the honest opener got %v", got)
	}
	return stream
}

func (w waiting) fall(t *testing.T) {
	t.Helper()
	w.release.Write([]byte("g"))
	rig.Until(t, "the opener fell", func() bool { return len(w.Lines("fallen")) > 0 })
}

// A new entry makes the agent send on every stream of those whom it fits; nothing is attested again. The stream of one who
// stayed shows that it has.
func push(t *testing.T, agent *rig.Agent, fits string, stayed waiting, path string) {
	t.Helper()
	agent.Register(t, path, rig.Selectors(t, fits, rig.Nobody)...)
	for !slices.Contains(stayed.identities(t), "spiffe://"+rig.TrustDomain+path) {
	}
}

// The next identities that the stream brings.
func (w waiting) identities(t *testing.T) []string {
	t.Helper()
	got := w.Answer(t)
	if len(got.Identities) == 0 {
		t.Fatalf("an open stream brought %v\n%s", got, w.Said())
	}
	return got.Identities
}
