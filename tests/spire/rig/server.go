package rig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	agentv1 "github.com/spiffe/spire-api-sdk/proto/spire/api/server/agent/v1"
	entryv1 "github.com/spiffe/spire-api-sdk/proto/spire/api/server/entry/v1"
	"github.com/spiffe/spire-api-sdk/proto/spire/api/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
)

// TrustDomain of every server here.
const TrustDomain = "belfry.test"

// Server is a spire-server on loopback with its data in a temporary folder.
type Server struct {
	*Child
	Port int
	api  *grpc.ClientConn
}

// FreePort of loopback, below the ports that the kernel itself hands to outgoing connections: an agent that is restarted
// fifty times must find its own free each time.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no free port on loopback between 20000 and 32000")
	return 0
}

// BootServer returns when the server's API answers.
func BootServer(t testing.TB) *Server {
	t.Helper()
	folder := Folder(t)
	socket := filepath.Join(folder, "server.sock")
	port := FreePort(t)
	config := filepath.Join(folder, "server.conf")
	write(t, config, fmt.Sprintf(`
server {
  bind_address = "127.0.0.1"
  bind_port = "%d"
  socket_path = %q
  trust_domain = %q
  data_dir = %q
  log_level = "INFO"
  ca_key_type = "ec-p256"
  experimental { cache_reload_interval = "1s" }
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = %q } }
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "memory" { plugin_data {} }
}
`, port, socket, TrustDomain, folder, filepath.Join(folder, "data.sqlite3")))
	server := &Server{Port: port}
	server.Child = Start(t, folder, "server", exec.Command(Spire(t, "spire-server"), "run", "-config", config))
	Until(t, "the SPIRE server accepts", func() bool { return accepts(socket) }, server.Child)
	api, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	server.api = api
	return server
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func accepts(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func (s *Server) joinToken(t testing.TB, node string) string {
	t.Helper()
	token, err := agentv1.NewAgentClient(s.api).CreateJoinToken(context.Background(), &agentv1.CreateJoinTokenRequest{
		Ttl:     600,
		AgentId: &types.SPIFFEID{TrustDomain: TrustDomain, Path: node},
	})
	if err != nil {
		t.Fatalf("asking for a join token: %v", err)
	}
	return token.Value
}

func (s *Server) register(t testing.TB, node, path string, selectors []string) {
	t.Helper()
	entry := &types.Entry{
		SpiffeId: &types.SPIFFEID{TrustDomain: TrustDomain, Path: path},
		ParentId: &types.SPIFFEID{TrustDomain: TrustDomain, Path: node},
	}
	for _, selector := range selectors {
		kind, value, _ := strings.Cut(selector, ":")
		entry.Selectors = append(entry.Selectors, &types.Selector{Type: kind, Value: value})
	}
	reply, err := entryv1.NewEntryClient(s.api).BatchCreateEntry(context.Background(),
		&entryv1.BatchCreateEntryRequest{Entries: []*types.Entry{entry}})
	if err != nil {
		t.Fatalf("creating an entry: %v", err)
	}
	if code := codes.Code(reply.Results[0].Status.Code); code != codes.OK {
		t.Fatalf("creating an entry: %v", reply.Results[0].Status)
	}
}
