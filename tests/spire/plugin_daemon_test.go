// A belfryd of paper: serves attest.sock from the project's own attest.proto, answers what a test tells it.
package spire

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// PaperDaemon answers Judge and WatchMode. Replies are in protobuf's text form.
type PaperDaemon struct {
	Socket string

	types  protoreflect.FileDescriptor
	mutex  sync.Mutex
	judge  func(question *dynamicpb.Message) string
	modes  map[chan string]bool
	mode   string
	server *grpc.Server
}

var attestTypes = sync.OnceValues(func() (protoreflect.FileDescriptor, error) {
	folder, err := os.MkdirTemp("", "bp")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	out := filepath.Join(folder, "set")
	if text, err := exec.Command("protoc", "-I../../proto", "--descriptor_set_out="+out, "belfry/v1/attest.proto").CombinedOutput(); err != nil {
		os.Stderr.Write(text)
		return nil, err
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	return protodesc.NewFile(set.File[0], nil)
})

func NewPaperDaemon(t testing.TB) *PaperDaemon {
	t.Helper()
	types, err := attestTypes()
	if err != nil {
		t.Fatalf("reading attest.proto with protoc: %v", err)
	}
	daemon := &PaperDaemon{Socket: filepath.Join(shortFolder(t), "attest.sock"), types: types, modes: map[chan string]bool{}}
	t.Cleanup(daemon.Stop)
	return daemon
}

func (d *PaperDaemon) message(name string) *dynamicpb.Message {
	return dynamicpb.NewMessage(d.types.Messages().ByName(protoreflect.Name(name)))
}

// Answer every question with this reply from now on.
func (d *PaperDaemon) Answer(reply string) {
	d.AnswerWith(func(*dynamicpb.Message) string { return reply })
}

func (d *PaperDaemon) AnswerWith(judge func(question *dynamicpb.Message) string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.judge = judge
}

// Tell the mode, now and to whoever follows.
func (d *PaperDaemon) Tell(mode string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.mode = mode
	for follower := range d.modes {
		follower <- mode
	}
}

// Start serving; returns when the socket is there.
func (d *PaperDaemon) Start(t testing.TB) {
	t.Helper()
	os.Remove(d.Socket)
	listener, err := net.Listen("unix", d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	d.server = grpc.NewServer()
	d.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "belfry.v1.Attest",
		Methods:     []grpc.MethodDesc{{MethodName: "Judge", Handler: d.onJudge}},
		Streams:     []grpc.StreamDesc{{StreamName: "WatchMode", Handler: d.onWatchMode, ServerStreams: true}},
	}, nil)
	go d.server.Serve(listener)
}

// Stop as a daemon that was killed: connections break, the socket is left behind.
func (d *PaperDaemon) Stop() {
	if d.server != nil {
		d.server.Stop()
		d.server = nil
	}
}

func (d *PaperDaemon) onJudge(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	question := d.message("JudgeRequest")
	if err := decode(question); err != nil {
		return nil, err
	}
	d.mutex.Lock()
	judge := d.judge
	d.mutex.Unlock()
	reply := d.message("JudgeReply")
	return reply, prototext.Unmarshal([]byte(judge(question)), reply)
}

func (d *PaperDaemon) onWatchMode(_ any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(d.message("WatchModeRequest")); err != nil {
		return err
	}
	follower := make(chan string, 16)
	d.mutex.Lock()
	if d.mode != "" {
		follower <- d.mode
	}
	d.modes[follower] = true
	d.mutex.Unlock()
	defer func() {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		delete(d.modes, follower)
	}()
	for {
		select {
		case mode := <-follower:
			reply := d.message("ModeReply")
			if err := prototext.Unmarshal([]byte("mode: "+mode), reply); err != nil {
				return err
			}
			if err := stream.SendMsg(reply); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

// The field of a question.
func field(message *dynamicpb.Message, name string) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(name)))
}
