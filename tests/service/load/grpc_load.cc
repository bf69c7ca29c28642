// A gRPC server that answers every call with what it was asked, or clients of one by the dozen: each calls on a connection of its own, again and
// again, and the first call that fails ends it with the reason.
//
//   grpc_load serve PATH
//   grpc_load call PATH CLIENTS CALLS     prints how many calls were answered; stays until its input ends
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

// One call; the library calls OnDone last.
class Answer : public grpc::ServerGenericBidiReactor {
 public:
  Answer() { StartRead(&asked_); }
  void OnReadDone(bool ok) override {
    if (ok)
      StartWriteAndFinish(&asked_, grpc::WriteOptions(), grpc::Status::OK);
    else
      Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer asked_;
};

class Echo : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override { return new Answer; }
};

int Serve(const std::string& address) {
  Echo echo;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&echo);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

grpc::Status Ask(grpc::GenericStub& stub) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, "/belfry.test/Echo", request, &queue);
  call->StartCall();
  call->Finish(&response, &status, &context);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

int Call(const std::string& address, int clients, int calls) {
  std::atomic<int> answered = 0, failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i)
    threads.emplace_back([&] {
      grpc::ChannelArguments own;
      own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      grpc::GenericStub stub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), own));
      for (int j = 0; j < calls; ++j) {
        const grpc::Status status = Ask(stub);
        if (status.ok()) {
          ++answered;
          continue;
        }
        std::fprintf(stderr, "call %d: %s\n", j, status.error_message().c_str());
        ++failed;
        return;
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::printf("%d\n", answered.load());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "", address = argc > 2 ? std::string("unix:") + argv[2] : "";
  if (what == "serve") return Serve(address);
  if (what == "call" && argc == 5) return Call(address, std::atoi(argv[3]), std::atoi(argv[4]));
  std::fprintf(stderr, "grpc_load serve PATH | grpc_load call PATH CLIENTS CALLS\n");
  return 2;
}
