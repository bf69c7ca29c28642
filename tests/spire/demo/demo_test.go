// Any SPIFFE client can be pointed at belfry demo: go-spiffe fetches from it, and a program it does not know gets nothing.
package demo_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"belfry.test/spire/rig"
)

// Starts the demonstration with `client` registered and returns its Workload API's socket.
func serve(t *testing.T, folder, client string) string {
	t.Helper()
	cmd := exec.Command(rig.Built(t, "belfry"), "demo", "--scene", "serve", "--json")
	cmd.Env = append(os.Environ(), "BELFRY_DEMO_CLIENT="+client)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	cmd.Stdout = writer
	child := rig.Start(t, folder, "demo", cmd)
	writer.Close()
	line, err := bufio.NewReader(reader).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the demonstration announced nothing: %v\n%s", err, child.Said())
	}
	var announced struct {
		Schema int
		Socket string
	}
	if err := json.Unmarshal(line, &announced); err != nil || announced.Schema != 1 || announced.Socket == "" {
		t.Fatalf("announced %q: %v", line, err)
	}
	return announced.Socket
}

func TestGoSpiffeFetchesFromTheDemonstration(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("root: belfryd loads programs into the kernel")
	}
	folder := rig.Folder(t)
	client := rig.Tool(t, folder, "client")
	socket := serve(t, folder, client)

	said, err := exec.Command(client, "once", socket).CombinedOutput()
	if err != nil || strings.TrimSpace(string(said)) != "served spiffe://demo.belfry/client" {
		t.Errorf("the registered client: %v: %s", err, said)
	}

	stranger := filepath.Join(folder, "stranger")
	if err := exec.Command("cp", client, stranger).Run(); err != nil {
		t.Fatal(err)
	}
	said, err = exec.Command(stranger, "once", socket).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "PermissionDenied") {
		t.Errorf("the same bytes under another path: %v: %s", err, said)
	}
}
