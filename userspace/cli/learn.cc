#include "cli/learn.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/exits.h"
#include "effect/entry_json.h"
#include "engine/config.h"
#include "engine/policy_merge.h"
#include "engine/policy_text.h"
#include "kit/error.h"
#include "kit/owned_fd.h"
#include "kit/read_file.h"

namespace belfry::cli {
namespace {

absl::Status WriteAll(int fd, const std::string& text, const std::string& doing) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t wrote = write(fd, text.data() + at, text.size() - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return kit::ErrnoError(doing, "make room, or let it write elsewhere");
    at += static_cast<size_t>(wrote);
  }
  return fsync(fd) == 0 ? absl::OkStatus() : kit::ErrnoError(doing);
}

// Whole or not at all, with the owner and the mode that it had.
absl::Status Replace(const std::string& file, const std::string& text) {
  const std::string doing = absl::StrCat("writing ", file);
  struct stat before {};
  if (stat(file.c_str(), &before) != 0) return kit::ErrnoError(doing);
  std::string beside = file + ".XXXXXX";
  const kit::OwnedFd fd(mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return kit::ErrnoError(doing, "its folder must let us write");
  absl::Status status = WriteAll(fd.get(), text, doing);
  if (status.ok() && (fchown(fd.get(), before.st_uid, before.st_gid) != 0 || fchmod(fd.get(), before.st_mode & 07777) != 0))
    status = kit::ErrnoError(doing, "run it as the owner of the file");
  if (status.ok() && rename(beside.c_str(), file.c_str()) != 0) status = kit::ErrnoError(doing);
  if (!status.ok()) unlink(beside.c_str());
  return status;
}

std::string ResolvedPath(const std::string& file) {  // a link stays one
  char* resolved = realpath(file.c_str(), nullptr);
  std::string path = resolved == nullptr ? file : resolved;
  free(resolved);
  return path;
}

int Merge(const engine::Learnt& learnt, const std::string& file, const host::Accounts& accounts, Surroundings& surroundings) {
  const auto text = kit::ReadFile(file, engine::kConfigBytesLimit);
  if (!text.ok()) return Fail(surroundings, text.status(), kFailed);
  const auto merged = engine::MergePolicy(file, *text, learnt, accounts);
  if (!merged.ok()) return Fail(surroundings, merged.status(), kFailed);
  if (merged->rules_added + merged->guards_added > 0)
    if (absl::Status status = Replace(ResolvedPath(file), merged->text); !status.ok()) return Fail(surroundings, status, kFailed);
  for (const std::string& note : merged->notes) surroundings.err << "belfry: " << Plain(note, 2048) << "\n";
  surroundings.err << "belfry: " << Plain(file) << ": " << Counted(merged->rules_added, "rule") << " and "
                   << Counted(merged->guards_added, "guard") << " added\n";
  return kDone;
}

}  // namespace

absl::Status ReadLines(std::istream& in, const std::string& name, engine::Learnt& learnt) {
  uint64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) continue;
    const auto entry = effect::FromJson(line);
    if (!entry)
      return kit::Error(absl::StatusCode::kInvalidArgument, absl::StrCat("learning from ", name),
                        absl::StrCat("line ", number, " is none of belfry audit --json"), "record with `belfry audit --json > FILE`");
    learnt.See(*entry);
  }
  return absl::OkStatus();
}

int WriteLearnt(const engine::Learnt& learnt, const std::string& merge, const host::Accounts& accounts,
                Surroundings& surroundings) {
  if (!merge.empty()) return Merge(learnt, merge, accounts, surroundings);
  surroundings.out << engine::PolicyText(learnt, accounts) << std::flush;
  if (!surroundings.out)
    return Fail(surroundings, kit::Error(absl::StatusCode::kUnavailable, "writing the policy", "the output took not all of it", "make room"), kFailed);
  return kDone;
}

}  // namespace belfry::cli
