#include "cli/ask.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::cli {
namespace {

constexpr char kStart[] = "start it with `systemctl start belfryd` or `belfryd --config /etc/belfry/belfry.yaml`";

// gRPC hides why it could not connect; connect(2) says it.
absl::Status Knock(const std::string& path) {
  const std::string doing = absl::StrCat("asking belfryd on ", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return kit::Error(absl::StatusCode::kInvalidArgument, doing, "the path is too long for a socket",
                      "correct --run-dir");
  }
  memcpy(address.sun_path, path.data(), path.size());
  kit::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return kit::ErrnoError("opening a socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return absl::OkStatus();
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return kit::Error(absl::StatusCode::kUnavailable, doing, "nobody listens there", kStart);
    case EACCES:
    case EPERM:
      return kit::Error(absl::StatusCode::kPermissionDenied, doing, "it is for root and the group belfry",
                        "use sudo, or join the group");
    default:
      return kit::ErrnoError(doing);
  }
}

}  // namespace

absl::StatusOr<Daemon> Daemon::Reach(const std::string& run_dir) {
  std::string path = run_dir + "/admin.sock";
  if (absl::Status knocked = Knock(path); !knocked.ok()) return knocked;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // the daemon is trusted; status of many guards may be large
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  auto channel = grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments);
  return Daemon(std::move(path), v1::Admin::NewStub(channel));
}

absl::Status Daemon::Told(const grpc::Status& status) const {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  if (code == absl::StatusCode::kUnavailable) {
    return kit::Error(code, absl::StrCat("asking belfryd on ", path_), status.error_message(),
                      "it may be starting or stopping; ask again");
  }
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return kit::Error(absl::StatusCode::kUnavailable, absl::StrCat("asking belfryd on ", path_),
                      absl::StrCat("no answer within ", kPatience.count(), " s"),
                      "ask again; `belfry doctor` tells more");
  }
  if (code == absl::StatusCode::kUnimplemented) {
    return kit::Error(code, absl::StrCat("asking belfryd on ", path_),
                      "it is another version and does not know this question", "install the belfry that belongs to it");
  }
  return absl::Status(code, status.error_message());
}

}  // namespace belfry::cli
