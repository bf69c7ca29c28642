// Not tests: programs that the live tests start, as this very binary. Each does what $BELFRY_ACTOR says and ends.
#include <fcntl.h>
#include <poll.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <string>

#include "belfry/v1/attest.grpc.pb.h"
#include "daemon/actors.h"

namespace belfry::daemon {
namespace {

std::string Env(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (write(kActorOut, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(9);
}
// One word from the test; its end of the pipe closed means: end.
std::string Hear() {
  std::string word;
  char byte;
  while (read(kActorIn, &byte, 1) == 1) {
    if (byte == '\n') return word;
    word += byte;
  }
  _exit(0);
}

int ConnectToPort(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

// A path, or a port's number.
int ConnectOnce(const std::string& path) {
  if (path.front() != '/') return ConnectToPort(static_cast<uint16_t>(std::stoi(path)));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  return fd;
}

// Connects as often as it is told; "exec" makes it another program.
void Client() {
  const rlimit files{8192, 8192};
  setrlimit(RLIMIT_NOFILE, &files);
  while (true) {
    const std::string word = Hear();
    if (word == "connect") {
      Say(ConnectOnce(Env("BELFRY_SOCKET")) >= 0 ? "connected" : "refused");
    } else if (word == "here") {
      Say(word);
    } else if (word == "exec") {
      execl("/bin/sleep", "sleep", "1000", nullptr);
      _exit(8);
    }
  }
}

bool Told() {
  pollfd word{.fd = kActorIn, .events = POLLIN};
  return poll(&word, 1, 0) != 0;
}

// Connects, speaks, is answered, again and again, until it is told to stop; says how often, or what was refused.
void Hammer() {
  long times = 0;
  for (; !Told(); ++times) {
    const kit::OwnedFd fd(ConnectOnce(Env("BELFRY_SOCKET")));
    char byte = 'x';
    const char* failed = !fd ? "connect" : send(fd.get(), &byte, 1, MSG_NOSIGNAL) != 1 ? "send" : recv(fd.get(), &byte, 1, 0) != 1 ? "receive" : nullptr;
    if (failed != nullptr) return Say(std::string("refused: ") + failed + ": " + strerror(errno) + " after " + std::to_string(times));
  }
  Say("served " + std::to_string(times));
}

// Opens streams that a child of it speaks on, until it is told to stop; says how often it was heard.
void Robber() {
  long tries = 0, heard = 0;
  for (; !Told(); ++tries) {
    const kit::OwnedFd fd(ConnectOnce(Env("BELFRY_SOCKET")));
    const pid_t child = fork();
    if (child == 0) _exit(send(fd.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 1 : 0);
    int status = 0;
    waitpid(child, &status, 0);
    heard += WEXITSTATUS(status);
  }
  Say("heard " + std::to_string(heard) + " of " + (tries > 0 ? "some" : "none"));
}

// Asks as the plugin would: it is a child of whoever serves the socket.
void Judge() {
  v1::JudgeRequest request;
  request.set_pid(std::stoi(Env("BELFRY_PID")));
  request.set_want_path(true);
  request.set_want_sha256(Env("BELFRY_DIGEST") != "no");
  request.set_want_facts(true);
  v1::JudgeReply reply;
  grpc::ClientContext context;
  const auto channel = grpc::CreateChannel("unix:" + Env("BELFRY_RUN") + "/attest.sock", grpc::InsecureChannelCredentials());
  const grpc::Status status = v1::Attest::NewStub(channel)->Judge(&context, request, &reply);
  if (!status.ok()) return Say("error " + status.error_message());
  std::string line = v1::Outcome_Name(reply.outcome());
  for (const std::string& reason : reply.reasons()) line += " " + reason;
  if (reply.evidence().has_sha256()) line += " sha256=" + reply.evidence().sha256();
  if (reply.evidence().has_path()) line += " path=" + reply.evidence().path();
  for (const std::string& fact : reply.evidence().facts()) line += " " + fact;
  Say(line);
}

TEST(Actor, DISABLED_Act) {
  const std::string actor = Env("BELFRY_ACTOR");
  if (actor == "client") Client();
  if (actor == "judge") Judge();
  if (actor == "hammer") Hammer();
  if (actor == "robber") Robber();
  _exit(0);
}

}  // namespace
}  // namespace belfry::daemon
