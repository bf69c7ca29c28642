// Package rig boots what the tests in this module are about: a real SPIRE server and agent on loopback, belfryd in front
// of them, and actors that behave exactly as told. Everything lives in temporary folders and in children of the test.
package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// ModuleRoot is the folder of go.mod, actors/ and tools/.
func ModuleRoot() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(self))
}

var spireBinaries = sync.OnceValues(func() (map[string]string, error) {
	found := map[string]string{}
	for _, name := range []string{"spire-server", "spire-agent"} {
		path, err := findSpire(name)
		if err != nil {
			return nil, err
		}
		found[name] = path
	}
	return found, nil
})

// $SPIRE_BIN, then PATH, then the tool this module pins (built once into Go's own cache, some minutes the first time).
func findSpire(name string) (string, error) {
	if folder := os.Getenv("SPIRE_BIN"); folder != "" {
		return exec.LookPath(filepath.Join(folder, name))
	}
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	fmt.Fprintf(os.Stderr, "rig: %s is not on PATH and $SPIRE_BIN is not set: building the pinned tool (minutes, once)\n", name)
	build := exec.Command("go", "tool", "-n", "github.com/spiffe/spire/cmd/"+name)
	build.Dir = ModuleRoot()
	build.Stderr = os.Stderr
	printed, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("building the pinned %s: %w", name, err)
	}
	return strings.TrimSpace(string(printed)), nil
}

// Spire is the path of spire-server or spire-agent.
func Spire(t testing.TB, name string) string {
	t.Helper()
	found, err := spireBinaries()
	if err != nil {
		t.Skipf("no SPIRE: %v; put spire-server and spire-agent 1.15 or 1.16 on PATH or into $SPIRE_BIN", err)
	}
	return found[name]
}

// MissingForSpire says what keeps every test with a real SPIRE from running here, or "".
func MissingForSpire() string {
	if os.Geteuid() != 0 {
		return "root: the actors change identity"
	}
	if _, err := exec.LookPath("cc"); err != nil {
		return "a C compiler (cc): the actors are C programs"
	}
	if _, err := spireBinaries(); err != nil {
		return fmt.Sprintf("SPIRE (%v): put spire-server and spire-agent 1.15 or 1.16 on PATH or into $SPIRE_BIN", err)
	}
	return ""
}

// Built is a program of this tree: $BELFRY_BUILD/bin/NAME, by default of the release preset.
func Built(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("BELFRY_BUILD")
	if folder == "" {
		folder = filepath.Join(ModuleRoot(), "..", "..", "build", "release")
	}
	path, err := filepath.Abs(filepath.Join(folder, "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s (%v): build the release preset or set $BELFRY_BUILD", name, err)
	}
	return path
}

// Folder is a short temporary folder that others may enter: socket paths hold 107 bytes, and actors drop to other uids.
func Folder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "bf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Actor compiles actors/NAME.c into the folder. Static, so that it also runs where there is no library.
func Actor(t testing.TB, folder, name string) string {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler (cc): the actors are C programs")
	}
	path := filepath.Join(folder, name)
	source := filepath.Join(ModuleRoot(), "actors", name+".c")
	if said, err := exec.Command("cc", "-O1", "-Wall", "-Wextra", "-static", "-pthread", "-o", path, source).CombinedOutput(); err != nil {
		t.Fatalf("compiling %s: %v\n%s", source, err, said)
	}
	os.Stat(path) // as most files are: looked at since they were written, which is a state of its own (see Unseen)
	return path
}

// Unseen is a copy that nobody has asked stat(2) about yet. Since Linux 6.13 the kernel keeps that in the bits of the
// change time (4e40eff0b573, multigrain timestamps): the first look must not pass for a change of the file. It is large,
// so that whoever asks comes while it is being read.
func Unseen(t testing.TB, path string) string {
	t.Helper()
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh := path + "-unseen"
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(bytes); err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return fresh
}

// Tool builds tools/NAME of this module into the folder, or copies it from $BELFRY_TOOLS, where there is no Go.
func Tool(t testing.TB, folder, name string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if built := os.Getenv("BELFRY_TOOLS"); built != "" {
		program, err := os.ReadFile(filepath.Join(built, name))
		if err == nil {
			err = os.WriteFile(path, program, 0o755)
		}
		if err != nil {
			t.Fatalf("copying tools/%s: %v", name, err)
		}
		return path
	}
	build := exec.Command("go", "build", "-o", path, "./tools/"+name)
	build.Dir = ModuleRoot()
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building tools/%s: %v\n%s", name, err, said)
	}
	return path
}
