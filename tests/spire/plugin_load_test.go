package spire

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	manyCalls           = 10_000
	concurrentQuestions = 64 // DaemonClient::kConcurrent
)

// kilobytes of a line of /proc/PID/status.
func memory(t testing.TB, pid int, line string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no %s of %d", line, pid)
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return kilobytes
}

// attestMany asks all at once and counts the answers by code.
func attestMany(host *PluginHost, pid int) map[codes.Code]int {
	answers := map[codes.Code]int{}
	var mutex sync.Mutex
	var all sync.WaitGroup
	for range manyCalls {
		all.Go(func() {
			_, err := host.Attest(pid)
			mutex.Lock()
			defer mutex.Unlock()
			answers[status.Code(err)]++
		})
	}
	all.Wait()
	return answers
}

func TestPluginAnswersTenThousandAtOnce(t *testing.T) {
	daemon := NewPaperDaemon(t)
	daemon.Answer(soundReply)
	daemon.Start(t)
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, `discover_workload_path = true deadline = "60s"`))
	pid := sleeper(t)
	host.Attest(pid)
	worker := host.Worker(t)
	atRest := memory(t, worker, "VmRSS") + memory(t, host.Pid, "VmRSS")
	for _, mode := range []string{"MODE_DENY", "MODE_OBSERVE"} {
		daemon.Answer(fmt.Sprintf("outcome: OUTCOME_SOUND mode: %s evidence { uid: 1 }", mode))
		host.Configure(t, configuration(daemon, `deadline = "60s"`))
		if answers := attestMany(host, pid); answers[codes.OK] != manyCalls {
			t.Errorf("%s: answers by code: %v", mode, answers)
		}
	}
	if host.Worker(t) != worker {
		t.Error("the worker did not survive")
	}
	peak := memory(t, worker, "VmHWM")
	t.Logf("at rest %d kB (both processes), worker's peak %d kB", atRest, peak)
	if peak > 100<<10 {
		t.Errorf("the worker took %d kB", peak)
	}
}

func TestPluginLosesNoCallWithoutADaemon(t *testing.T) {
	daemon := NewPaperDaemon(t)
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, ""))
	if answers := attestMany(host, sleeper(t)); answers[codes.Unavailable] != manyCalls {
		t.Errorf("answers by code: %v", answers)
	}
	if lines := len(host.LogLines(t)); lines > 20 {
		t.Errorf("%d lines of log for one reason", lines)
	}
}

func TestPluginAsksTheDaemonNoMoreThanItMay(t *testing.T) {
	daemon := NewPaperDaemon(t)
	var open atomic.Int64
	release := make(chan struct{})
	daemon.AnswerWith(func(*dynamicpb.Message) string {
		open.Add(1)
		<-release
		return soundReply
	})
	daemon.Start(t)
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, `deadline = "60s"`))
	pid := sleeper(t)
	var all sync.WaitGroup
	for range 4 * concurrentQuestions {
		all.Go(func() {
			if _, err := host.Attest(pid); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, "all places to be taken", func() bool { return open.Load() >= concurrentQuestions })
	for range 1000 { // one more question would be on its way by now, many times over
		if _, err := healthv1.NewHealthClient(host.Conn).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if open.Load() != concurrentQuestions {
		t.Errorf("%d questions at once", open.Load())
	}
	close(release)
	all.Wait()
}
