package real_test

import (
	"flag"
	"os"
	"sync"
	"testing"

	"belfry.test/spire/rig"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if rig.MissingForSpire() != "" {
		flag.Set("test.run", "^TestSpireIsHere$") // one visible skip instead of one per test
	}
	code := m.Run()
	shared.end()
	os.Exit(code)
}

func TestSpireIsHere(t *testing.T) {
	if missing := rig.MissingForSpire(); missing != "" {
		t.Skip("no test with a real SPIRE was run; missing: " + missing)
	}
}

// One server serves every test of the package: each has an agent, a node and entries of its own.
type sharedServer struct {
	testing.TB // what the rig needs of a test; the one that asked first lends it
	once       sync.Once
	server     *rig.Server
	cleanups   []func()
}

var shared sharedServer

func server(t testing.TB) *rig.Server {
	t.Helper()
	shared.once.Do(func() {
		shared.TB = t
		shared.server = rig.BootServer(&shared)
	})
	if shared.server == nil {
		t.Skip("the SPIRE server did not boot; see the test that tried")
	}
	return shared.server
}

func (s *sharedServer) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }
func (s *sharedServer) Failed() bool     { return false }

func (s *sharedServer) end() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
}
