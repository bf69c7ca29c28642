#include "plugin/builtin.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/digest.h"
#include "host/process_files.h"
#include "kit/escape.h"

namespace belfry::plugin {
namespace {

absl::Status Internal(absl::string_view doing, const absl::Status& cause) {
  return absl::InternalError(absl::StrCat(doing, ": ", cause.message()));
}

absl::Status ReadPath(const host::ProcessFiles& files, verdict::Evidence& evidence) {
  absl::StatusOr<kit::OwnedFd> exe = files.OpenExePath();
  if (!exe.ok()) return Internal("path lookup", exe.status());
  absl::StatusOr<std::string> path = host::PathOf(exe->get());
  if (!path.ok()) return Internal("path lookup", path.status());
  // There, too, such a path never leaves the attestor: its answer cannot be marshalled.
  if (!kit::IsValidUtf8(*path)) return absl::InternalError("the executable's path contains invalid UTF-8");
  evidence.path = *std::move(path);
  return absl::OkStatus();
}

absl::Status ReadDigest(const host::ProcessFiles& files, int64_t size_limit, const std::function<bool()>& wanted,
                        verdict::Evidence& evidence) {
  absl::StatusOr<kit::OwnedFd> exe = files.OpenExe();
  if (!exe.ok()) return Internal("SHA256 digest", exe.status());
  absl::StatusOr<std::string> digest =
      host::Sha256(exe->get(), static_cast<uint64_t>(size_limit), [&wanted](uint64_t) { return wanted(); });
  if (!digest.ok()) return Internal("SHA256 digest", digest.status());
  evidence.sha256 = *std::move(digest);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> AnswerAsBuiltin(int32_t pid, const Configuration& configuration,
                                                         const Names& names, const std::function<bool()>& wanted) {
  absl::StatusOr<host::ProcessFiles> files = host::ProcessFiles::Open(pid);
  if (!files.ok()) return Internal("failed to get process", files.status());
  absl::StatusOr<host::ProcessStatus> status = files->Status();
  if (!status.ok()) return Internal("UIDs lookup", status.status());
  verdict::Evidence evidence{
      .uid = status->uid, .gid = status->gid, .supplementary_gids = std::move(status->supplementary_gids)};
  if (configuration.discover_workload_path) {
    if (absl::Status read = ReadPath(*files, evidence); !read.ok()) return read;
    if (configuration.workload_size_limit >= 0) {
      absl::Status read = ReadDigest(*files, configuration.workload_size_limit, wanted, evidence);
      if (!read.ok()) return read;
    }
  }
  return verdict::UnixSelectors(evidence, names.user, names.group);
}

uint64_t OwnerOf(int32_t pid) {
  const absl::StatusOr<host::ProcessFiles> files = host::ProcessFiles::Open(pid);
  if (!files.ok()) return 0;
  const absl::StatusOr<host::ProcessStatus> status = files->Status();
  return status.ok() ? status->uid : 0;
}

}  // namespace belfry::plugin
