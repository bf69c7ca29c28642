package spire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"belfry.test/spire/rig"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPluginSurvivesItsWorker(t *testing.T) {
	daemon := NewPaperDaemon(t)
	daemon.Answer(soundReply)
	daemon.Start(t)
	host := StartPlugin(t)
	host.Configure(t, configuration(daemon, `assume = "observe"`))
	pid := sleeper(t)
	if _, err := host.Attest(pid); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		worker := host.Worker(t)
		if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// What was under way may fail as any broken connection does; what comes after is answered as before.
		await(t, "an answer of the next worker", func() bool {
			values, err := host.Attest(pid)
			if err != nil && status.Code(err) != codes.Unavailable {
				t.Fatalf("answered %v", err)
			}
			return err == nil && slices.Contains(values, "path:/usr/bin/payments")
		})
		if host.Worker(t) == worker {
			t.Fatal("the worker was not killed")
		}
	}
	daemon.Stop()
	last := host.Worker(t)
	syscall.Kill(last, syscall.SIGSEGV)
	await(t, "the next worker", func() bool { return host.Worker(t) != last })
	await(t, "the mode to be kept", func() bool {
		_, err := host.Attest(pid) // assumed observe, but an earlier worker was told deny
		if status.Code(err) != codes.Unavailable {
			t.Fatalf("answered %v", err)
		}
		return strings.Contains(err.Error(), "asking belfryd")
	})
	await(t, "the log to name the crash", func() bool { return host.Stderr.Contains("the worker ended unexpectedly") })
	host.LogLines(t)
	host.Stop()
	if host.HostLog.Contains("failed to exit gracefully") {
		t.Errorf("was killed:\n%s", host.HostLog)
	}
}

func TestPluginEndsInOrder(t *testing.T) {
	host := StartPlugin(t)
	host.Configure(t, "")
	worker := host.Worker(t)
	if isEmpty(t, host.Folder) {
		t.Fatal("there is no socket")
	}
	host.Stop()
	if host.HostLog.Contains("failed to exit gracefully") {
		t.Errorf("was killed:\n%s", host.HostLog)
	}
	if !gone(host.Pid) || !gone(worker) {
		t.Errorf("still there: supervisor %v, worker %v", !gone(host.Pid), !gone(worker))
	}
	if !isEmpty(t, host.Folder) {
		t.Errorf("the socket was left behind")
	}
	host.LogLines(t)
}

func TestPluginServesThroughSignals(t *testing.T) {
	host := StartPlugin(t)
	host.Configure(t, "")
	worker := host.Worker(t)
	for _, pid := range []int{host.Pid, worker} {
		for _, number := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			if err := syscall.Kill(pid, number); err != nil {
				t.Fatal(err)
			}
		}
	}
	if values, err := host.Attest(os.Getpid()); err != nil || len(values) != 0 {
		t.Errorf("after SIGTERM: %q, %v", values, err)
	}
	if host.Worker(t) != worker {
		t.Error("a signal ended the worker")
	}
	host.Stop()
	if host.HostLog.Contains("failed to exit gracefully") {
		t.Errorf("was killed:\n%s", host.HostLog)
	}
}

func TestPluginLeavesNothingWhenItsSupervisorIsKilled(t *testing.T) {
	host := StartPlugin(t)
	worker := host.Worker(t)
	if err := syscall.Kill(host.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the worker to end", func() bool { return gone(worker) })
	if !isEmpty(t, host.Folder) {
		t.Errorf("the socket was left behind")
	}
}

// An agent that was not root when it exec'd a plugin with file capabilities has no pdeathsig (spire-facts 4.5).
func TestPluginEndsWithAHostThatCannotKillIt(t *testing.T) {
	folder := shortFolder(t)
	host := exec.Command("sh", "-c", `"$0" & echo $! ; exec sleep infinity`, rig.Built(t, "belfry-spire-plugin"))
	host.Env = append(os.Environ(), "TMPDIR="+folder, pluginType+"="+pluginType)
	output, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(output)
	var pid int
	greeted := false
	for range 2 { // in either order
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "1|1|unix|"+folder) {
			greeted = true
		} else if _, err := fmt.Sscan(line, &pid); err != nil {
			t.Fatalf("read %q", line)
		}
	}
	if !greeted || pid == 0 {
		t.Fatalf("handshake %v, pid %d", greeted, pid)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	host.Process.Kill()
	await(t, "the plugin to end", func() bool { return gone(pid) })
	// Its end is the end of our pipe: nobody else holds it.
	if rest, err := io.ReadAll(reader); err != nil || len(rest) != 0 {
		t.Errorf("after the handshake stdout had %q, %v", rest, err)
	}
	host.Wait()
	if !isEmpty(t, folder) {
		t.Errorf("the socket was left behind")
	}
}

func TestPluginTurnsStrangersAway(t *testing.T) {
	if socket := os.Getenv("BELFRY_STRANGER"); socket != "" {
		beStranger(socket)
	}
	host := StartPlugin(t)
	host.Configure(t, "")
	sockets, err := filepath.Glob(host.Folder + "/belfry-plugin-*/s")
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets: %v, %v", sockets, err)
	}
	stranger := exec.Command(os.Args[0], "-test.run=^TestPluginTurnsStrangersAway$")
	stranger.Env = append(os.Environ(), "BELFRY_STRANGER="+sockets[0])
	if output, err := stranger.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	await(t, "the log to name it", func() bool { return host.Stderr.Contains("was turned away") })
	connection, err := net.Dial("unix", sockets[0]) // we are the host
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := connection.Read(make([]byte, 1)); err != nil {
		t.Errorf("the host is turned away: %v", err)
	}
}

// Exits 0 if the plugin hangs up without a word.
func beStranger(socket string) {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if n, err := connection.Read(make([]byte, 1)); n != 0 || err == nil {
		fmt.Println("it speaks to a stranger")
		os.Exit(1)
	}
	os.Exit(0)
}
