package rig

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nobody is whom workloads and impostors run as: one uid, so that nothing but Belfry tells them apart.
const Nobody = 65534

// Stage is a folder with the compiled actors and the request they send.
type Stage struct {
	Folder   string
	Trusted  string
	Impostor string
	Request  string
	casts    int
}

// SetStage compiles the actors.
func SetStage(t testing.TB) *Stage {
	t.Helper()
	folder := Folder(t)
	stage := &Stage{Folder: folder, Trusted: Actor(t, folder, "trusted"), Impostor: Actor(t, folder, "impostor"),
		Request: filepath.Join(folder, "request")}
	if err := os.WriteFile(stage.Request, FetchX509SVID(t), 0o644); err != nil {
		t.Fatal(err)
	}
	return stage
}

// Digest of a file, as SPIRE writes it.
func Digest(t testing.TB, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Selectors that an entry for this program run by this uid asks for.
func Selectors(t testing.TB, path string, uid int) []string {
	t.Helper()
	return []string{"unix:path:" + path, "unix:sha256:" + Digest(t, path), fmt.Sprintf("unix:uid:%d", uid)}
}

// AsNobody makes the command drop root before its exec.
func AsNobody(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Nobody, Gid: Nobody}}
	return cmd
}

// Scene is an actor at work, and the stream of what its agent answers.
type Scene struct {
	*Child
	answer io.Reader
}

// Play starts an actor as nobody.
func (s *Stage) Play(t testing.TB, program string, args ...string) *Scene {
	t.Helper()
	return s.PlayWith(t, nil, program, args...)
}

// PlayWith gives it a stdin too.
func (s *Stage) PlayWith(t testing.TB, stdin io.Reader, program string, args ...string) *Scene {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	cmd := AsNobody(exec.Command(program, args...))
	cmd.Stdout, cmd.Stdin = write, stdin
	s.casts++
	child := Start(t, s.Folder, fmt.Sprintf("%s-%s-%d", filepath.Base(program), args[0], s.casts), cmd)
	write.Close()
	return &Scene{Child: child, answer: read}
}

// Answer of the agent. The actors live on: who is judged must not be gone before it is.
func (s *Scene) Answer(t testing.TB) Answer {
	t.Helper()
	answer, err := ReadAnswer(s.answer)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Said())
	}
	return answer
}

// Opener is the pid on whose behalf the request was made, once the actor has said so.
func (s *Scene) Opener(t testing.TB) int {
	t.Helper()
	pid := 0
	Until(t, "the actor names the opener", func() bool {
		for _, line := range strings.Split(s.Said(), "\n") {
			fmt.Sscanf(line, "opener %d", &pid)
		}
		return pid != 0
	})
	return pid
}

// Crowd starts an actor that reports line by line into its log, as nobody.
func (s *Stage) Crowd(t testing.TB, program string, args ...string) *Child {
	t.Helper()
	s.casts++
	return Start(t, s.Folder, fmt.Sprintf("%s-%s-%d", filepath.Base(program), args[0], s.casts), AsNobody(exec.Command(program, args...)))
}
