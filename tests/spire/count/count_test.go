// A generator that keeps its own count against what belfryd says its programs have seen.
package count_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"belfry.test/spire/rig"
)

func TestMain(m *testing.M) {
	os.Exit(m.Run())
}

const (
	events     = 10000
	retriesMax = 1000 // bursts that somebody else's events blurred
)

// Which program has to have counted how many of one generator's events.
type burst struct {
	name     string
	size     int
	programs []string
}

// Small enough that a machine with others on it is quiet for as long.
var (
	execs    = burst{"exec", 250, []string{"process_exec", "process_fork", "process_exit"}}
	connects = burst{"connect", 1000, []string{"connect_intent", "connect_ready", "connect_peercred"}}
)

type generator struct {
	orders io.Writer
	says   *bufio.Reader
	size   int
}

func (g generator) run(t *testing.T) {
	t.Helper()
	fmt.Fprintln(g.orders, "go")
	line, err := g.says.ReadString('\n')
	if err != nil || line != fmt.Sprintf("made %d\n", g.size) {
		t.Fatalf("the generator says %q, %v", line, err)
	}
}

func startGenerator(t *testing.T, folder, what string, size int, target string) generator {
	t.Helper()
	cmd := exec.Command(filepath.Join(folder, "generator"), what, fmt.Sprint(size), target)
	orders, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	says, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = orders, told
	rig.Start(t, folder, "generator-"+what, cmd)
	orders.Close()
	told.Close()
	t.Cleanup(func() { to.Close(); says.Close() })
	return generator{to, bufio.NewReader(says), size}
}

func stage(t *testing.T) (daemon *rig.Daemon, admin *rig.Admin, folder, socket string) {
	if os.Geteuid() != 0 {
		t.Skip("not root: belfryd loads BPF programs")
	}
	folder = rig.Folder(t)
	for _, actor := range []string{"generator", "nothing"} {
		rig.Actor(t, folder, actor)
	}
	socket = filepath.Join(folder, "guarded.sock")
	daemon = rig.BootDaemon(t, rig.Settings{Guards: []rig.Guard{{Name: "counted", Socket: socket, Mode: "observe"}}})
	return daemon, daemon.Admin(t), folder, socket
}

func programs(t *testing.T, admin *rig.Admin) map[string]rig.Program {
	t.Helper()
	found := map[string]rig.Program{}
	for _, program := range admin.Status(t).Programs {
		found[program.Name] = program
	}
	return found
}

// seen == sent + ignored + lost, for every program. A program that runs on another CPU while the numbers are read may
// have counted one and not yet the other: then they are read again.
func balanced(t *testing.T, admin *rig.Admin) {
	t.Helper()
	uneven := ""
	for range 100 {
		uneven = ""
		for name, p := range programs(t, admin) {
			if p.Seen != p.Sent+p.Ignored+p.Lost() {
				uneven = fmt.Sprintf("%s: seen %d is not sent %d + ignored %d + lost %d", name, p.Seen, p.Sent, p.Ignored, p.Lost())
			}
		}
		if uneven == "" {
			return
		}
	}
	t.Errorf("never even in 100 looks: %s", uneven)
}

// What asking for the status makes happen by itself: belfryd shows on itself that its hooks are live.
func costOfAsking(t *testing.T, admin *rig.Admin) map[string]int {
	t.Helper()
	cost := map[string]int{}
	before := programs(t, admin)
	for look := range 20 {
		after := programs(t, admin)
		for name, p := range after {
			counted := int(p.Seen - before[name].Seen + p.Missed - before[name].Missed)
			if look == 0 || counted < cost[name] {
				cost[name] = counted
			}
		}
		before = after
	}
	return cost
}

// Too few is a loss at once. Too many is somebody else's, and the burst is made again.
func TestEveryEventIsCounted(t *testing.T) {
	_, admin, folder, socket := stage(t)
	cost := costOfAsking(t, admin)
	t.Logf("asking for the status costs %v", cost)
	for _, b := range []burst{connects, execs} {
		t.Run(b.name, func(t *testing.T) {
			target := socket
			if b.name == "exec" {
				target = filepath.Join(folder, "nothing")
			}
			g := startGenerator(t, folder, b.name, b.size, target)
			g.run(t) // the listener is recognised, files are in memory
			blurred := 0
			for done := 0; done < events; {
				before := programs(t, admin)
				g.run(t)
				after := programs(t, admin)
				if over := compare(t, b, cost, before, after); over != "" {
					if blurred++; blurred > retriesMax {
						t.Fatalf("no quiet moment in %d bursts; the last: %s", blurred, over)
					}
					continue
				}
				done += b.size
			}
			balanced(t, admin)
			t.Logf("%d %ss counted exactly; %d bursts made again because of bystanders", events, b.name, blurred)
		})
	}
}

func compare(t *testing.T, b burst, cost map[string]int, before, after map[string]rig.Program) (over string) {
	t.Helper()
	for _, name := range b.programs {
		was, has := before[name], after[name]
		if has.Name == "" {
			t.Fatalf("belfryd has no program %q", name)
		}
		counted := int(has.Seen-was.Seen+has.Missed-was.Missed) - cost[name]
		if counted < b.size {
			t.Fatalf("%s: %d made, %d seen, %d missed", name, b.size, has.Seen-was.Seen, has.Missed-was.Missed)
		}
		if counted > b.size {
			over = fmt.Sprintf("%s counted %d of %d", name, counted, b.size)
		}
	}
	return over
}

// A hook that is gone counts nothing, and the doctor names it.
func TestDetachedHookIsNamed(t *testing.T) {
	daemon, admin, folder, socket := stage(t)
	g := startGenerator(t, folder, "connect", 100, socket)
	g.run(t)
	if said := complaint(t, daemon); said != nil {
		t.Fatalf("the doctor already complains: %+v", *said)
	}
	rig.DetachCgroupLink(t, daemon.Pid(), rig.CgroupUnixConnect)
	before := programs(t, admin)
	g.run(t)
	after := programs(t, admin)
	if after["connect_intent"].Seen != before["connect_intent"].Seen {
		t.Errorf("connect_intent goes on counting: %+v", after["connect_intent"])
	}
	if seen := after["connect_ready"].Seen - before["connect_ready"].Seen; seen < 100 {
		t.Errorf("connect_ready saw %d of 100", seen)
	}
	balanced(t, admin)
	rig.Until(t, "the doctor names the hook", func() bool {
		said := complaint(t, daemon)
		if said != nil {
			t.Logf("doctor: %s: %s; %s", said.Severity, said.What, said.Remedy)
		}
		return said != nil
	}, daemon.Child)
}

// What the doctor says against the hook, if anything.
func complaint(t *testing.T, daemon *rig.Daemon) *finding {
	t.Helper()
	for _, finding := range findings(t, doctor(t, daemon)) {
		if (finding.Severity == "blind" || finding.Severity == "degraded") && strings.Contains(finding.What, "connect_intent") {
			return &finding
		}
	}
	return nil
}

type finding struct{ Severity, What, Remedy string }

func findings(t *testing.T, text string) []finding {
	t.Helper()
	var report struct{ Findings []finding }
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("belfry doctor --json: %v\n%s", err, text)
	}
	return report.Findings
}

func doctor(t *testing.T, daemon *rig.Daemon) string {
	t.Helper()
	cmd := exec.Command(rig.Built(t, "belfry"), "--run-dir", daemon.RunDir, "doctor", "--json")
	said, err := cmd.Output()
	if err != nil && len(said) == 0 { // its exit says kept, degraded or blind
		t.Fatalf("belfry doctor: %v", err)
	}
	return string(said)
}
