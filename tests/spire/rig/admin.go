package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Admin speaks to admin.sock from the .proto files themselves, so that nothing generated has to be kept in step.
type Admin struct {
	conn    *grpc.ClientConn
	service protoreflect.ServiceDescriptor
}

// Admin connects; protoc is there because the tree was built with it.
func (d *Daemon) Admin(t testing.TB) *Admin {
	t.Helper()
	described := filepath.Join(d.Folder, "admin.pb")
	protos := filepath.Join(ModuleRoot(), "..", "..", "proto")
	protoc := exec.Command("protoc", "-I", protos, "--include_imports", "--descriptor_set_out="+described, "belfry/v1/admin.proto")
	if said, err := protoc.CombinedOutput(); err != nil {
		t.Skipf("no descriptors of belfry/v1/admin.proto: %v %s; install protoc", err, said)
	}
	bytes, err := os.ReadFile(described)
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(bytes, &set); err != nil {
		t.Fatal(err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		t.Fatal(err)
	}
	service, err := files.FindDescriptorByName("belfry.v1.Admin")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("unix:"+d.AdminSocket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Admin{conn: conn, service: service.(protoreflect.ServiceDescriptor)}
}

func (a *Admin) call(method, request string, reply any) error {
	described := a.service.Methods().ByName(protoreflect.Name(method))
	in, out := dynamicpb.NewMessage(described.Input()), dynamicpb.NewMessage(described.Output())
	if err := protojson.Unmarshal([]byte(request), in); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := a.conn.Invoke(ctx, "/belfry.v1.Admin/"+method, in, out); err != nil {
		return err
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(out)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, reply)
}

// Status as the tests need it; numbers are strings in the JSON form of a proto.
type Status struct {
	Backend     string
	Health      string
	Adopted     bool
	Connections uint64 `json:",string"`
	Guards      []struct {
		Name, Mode, Listener         string
		Connections, Sound, Withheld uint64            `json:",string"`
		Unavailable, Cut, Refused    uint64            `json:",string"`
		WouldWithhold                map[string]string `json:"would_withhold"`
		ListenerPid                  uint32            `json:"listener_pid"`
	}
	Programs []Program
	Findings []struct{ Severity, What, Remedy string }
}

// Program is one BPF program's own account.
type Program struct {
	Name       string
	Attached   bool
	Seen, Sent uint64 `json:",string"`
	Ignored    uint64 `json:",string"`
	LostRing   uint64 `json:"lost_ring,string"`
	LostMap    uint64 `json:"lost_map,string"`
	Missed     uint64 `json:",string"`
}

// Lost is what it could not hand on.
func (p Program) Lost() uint64 { return p.LostRing + p.LostMap }

// Status of the daemon.
func (a *Admin) Status(t testing.TB) Status {
	t.Helper()
	var status Status
	if err := a.call("Status", "{}", &status); err != nil {
		t.Fatalf("asking belfryd for its status: %v", err)
	}
	return status
}

// Verdict of the daemon on a process number.
type Verdict struct {
	Verdict   string
	Reasons   []string
	Selectors []string
	Absent    string
	Message   string
}

// Attest asks what the plugin would be answered; nothing is cut.
func (a *Admin) Attest(t testing.TB, pid int, guard string) Verdict {
	t.Helper()
	var verdict Verdict
	if err := a.call("Attest", fmt.Sprintf(`{"pid": %d, "guard": %q}`, pid, guard), &verdict); err != nil {
		t.Fatalf("asking belfryd to attest %d: %v", pid, err)
	}
	return verdict
}

// Explain is everything that belfryd knows of a process, for whoever reads why a test failed.
func (a *Admin) Explain(pid int) string {
	var story json.RawMessage
	if err := a.call("Explain", fmt.Sprintf(`{"pid": %d}`, pid), &story); err != nil {
		return err.Error()
	}
	return string(story)
}

// Follow writes every line of the feed into a file until the test ends, and returns its path once the feed is open.
func (a *Admin) Follow(t testing.TB, folder string) *Feed {
	t.Helper()
	described := a.service.Methods().ByName("Follow")
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := a.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/belfry.v1.Admin/Follow")
	if err != nil {
		t.Fatal(err)
	}
	request := dynamicpb.NewMessage(described.Input())
	request.Set(described.Input().Fields().ByName("everything"), protoreflect.ValueOfBool(true))
	if err := stream.SendMsg(request); err != nil {
		t.Fatal(err)
	}
	stream.CloseSend()
	if _, err := stream.Header(); err != nil { // every line from here on
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(folder, "feed.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewWriter(file)
		for {
			reply := dynamicpb.NewMessage(described.Output())
			if stream.RecvMsg(reply) != nil {
				return
			}
			lines.WriteString(reply.Get(described.Output().Fields().ByName("json")).String() + "\n")
			lines.Flush()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		file.Close()
	})
	return &Feed{Child: &Child{Log: file.Name()}}
}

// Feed is read like a log.
type Feed struct{ *Child }
