#include "cli/mode_override.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/owned_fd.h"
#include "kit/read_file.h"

namespace belfry::cli {
namespace {

constexpr size_t kFileLimit = 4 << 20;

absl::Status WriteWhole(const std::string& path, const std::string& text) {
  const std::string doing = absl::StrCat("writing ", path);
  const std::string next = path + ".next";
  kit::OwnedFd fd(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return kit::ErrnoError(doing, "use sudo, or another --run-dir");
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(fd.get()) != 0 ||
      rename(next.c_str(), path.c_str()) != 0) {
    const absl::Status failed = kit::ErrnoError(doing);
    unlink(next.c_str());
    return failed;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NextOverride(const std::string& before, const std::string& guard, const std::string& mode) {
  nlohmann::ordered_json json{{"schema", 1}, {"guards", nlohmann::ordered_json::object()}};
  if (!before.empty() && guard != "*") {
    const auto old = nlohmann::ordered_json::parse(before, nullptr, /*allow_exceptions=*/false);
    if (!old.is_object() || old.value("schema", nlohmann::ordered_json()) != 1 || !old.contains("guards") ||
        !old["guards"].is_object()) {
      return kit::Error(absl::StatusCode::kDataLoss, "reading the present mode.override.json",
                        "it is not a file that belfry wrote", "remove it, or use --all");
    }
    json["guards"] = old["guards"];
  }
  json["guards"][guard] = mode;
  return json.dump(1) + "\n";
}

absl::StatusOr<std::string> WriteModeOverride(const std::string& run_dir, const std::string& guard,
                                              const std::string& mode) {
  const std::string path = run_dir + "/mode.override.json";
  if (mkdir(run_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    return kit::ErrnoError(absl::StrCat("making ", run_dir), "use sudo, or another --run-dir");
  }
  absl::StatusOr<std::string> before = kit::ReadFile(path, kFileLimit);
  if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
  absl::StatusOr<std::string> next = NextOverride(before.value_or(""), guard, mode);
  if (!next.ok()) return next.status();
  if (absl::Status written = WriteWhole(path, *next); !written.ok()) return written;
  return path;
}

}  // namespace belfry::cli
