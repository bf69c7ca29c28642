package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait for an event; it is never evidence of anything. $BELFRY_PATIENCE (10m): where a machine is
// emulated.
var Patience = patience()

func patience() time.Duration {
	if longer, err := time.ParseDuration(os.Getenv("BELFRY_PATIENCE")); err == nil {
		return longer
	}
	return time.Minute
}

// Child is a process of ours that dies with the test: at its end, and by the kernel's hand if the test is killed.
type Child struct {
	Cmd  *exec.Cmd
	Log  string // file that has its stderr (and its stdout, unless the caller took that)
	done chan struct{}
	err  error
}

var starts = make(chan func())

// Pdeathsig is delivered when the *thread* that forked ends, so one thread that never ends forks for all.
var startForker = sync.OnceFunc(func() {
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
})

// Start runs the command in a process group of its own, logging into the folder.
func Start(t testing.TB, folder, name string, cmd *exec.Cmd) *Child {
	t.Helper()
	child := &Child{Cmd: cmd, Log: filepath.Join(folder, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(child.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = log
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.WaitDelay = 5 * time.Second
	startForker()
	started := make(chan error)
	starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		child.err = cmd.Wait()
		close(child.done)
	}()
	t.Cleanup(func() {
		child.Kill()
		if t.Failed() {
			t.Logf("--- end of %s\n%s", child.Log, tail(child.Log, 60))
		}
	})
	return child
}

func tail(path string, lines int) string {
	all, _ := os.ReadFile(path)
	kept := bytes.Split(bytes.TrimRight(all, "\n"), []byte("\n"))
	if len(kept) > lines {
		kept = kept[len(kept)-lines:]
	}
	return string(bytes.Join(kept, []byte("\n")))
}

// Pid of the process.
func (c *Child) Pid() int { return c.Cmd.Process.Pid }

// Ended says whether the process has been waited for.
func (c *Child) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Kill ends the whole group at once and returns when the process is gone.
func (c *Child) Kill() {
	syscall.Kill(-c.Pid(), syscall.SIGKILL)
	<-c.done
	syscall.Kill(-c.Pid(), syscall.SIGKILL) // those whom it left behind
}

// Stop asks with SIGTERM, insists after a while and says how the process ended.
func (c *Child) Stop() error {
	c.Cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
		return c.err
	case <-time.After(Patience):
		c.Kill()
		return fmt.Errorf("pid %d did not end on SIGTERM", c.Pid())
	}
}

// Wait until it ended by itself.
func (c *Child) Wait(t testing.TB) error {
	t.Helper()
	select {
	case <-c.done:
		return c.err
	case <-time.After(Patience):
		t.Fatalf("%s did not end", c.Log)
		return nil
	}
}

// Said is everything it has logged.
func (c *Child) Said() string {
	all, _ := os.ReadFile(c.Log)
	return string(all)
}

// Lines of the log with all of these parts.
func (c *Child) Lines(parts ...string) []string {
	var found []string
next:
	for _, line := range strings.Split(c.Said(), "\n") {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		if line != "" {
			found = append(found, line)
		}
	}
	return found
}

// ErrEnded is what Until reports for a child that cannot make the condition true any more.
var ErrEnded = errors.New("the process ended")

// Until waits for the condition; failing when patience ends or one of these children does.
func Until(t testing.TB, what string, holds func() bool, needed ...*Child) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := Eventually(ctx, holds, needed...); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// Eventually is Until for those who want to go on.
func Eventually(ctx context.Context, holds func() bool, needed ...*Child) error {
	for {
		if holds() {
			return nil
		}
		for _, child := range needed {
			if child.Ended() {
				return fmt.Errorf("%w: %s: %v\n%s", ErrEnded, child.Log, child.err, tail(child.Log, 20))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
