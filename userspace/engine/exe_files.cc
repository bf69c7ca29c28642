#include "engine/exe_files.h"

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "kit/clock.h"
#include "kit/owned_fd.h"

namespace belfry::engine {
namespace {

constexpr int kQuestionsAtOnce = 256;  // to the kernel, each a walk over our own descriptors
constexpr size_t kFew = 256;           // paths that may be looked at for one connect
constexpr size_t kBeforeKept = 4;
constexpr uint64_t kLookApartNs = 5'000'000;  // looks for one connect: who is refused all the time costs 4 % at most

constexpr uint64_t kCoarseNs = 2'000'000'000;  // what filesystems may round times to, and more than a clock tick

uint64_t RealNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

bool SameStat(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

bool SameFile(const belfry_file_id& a, const belfry_file_id& b) {
  return a.dev == b.dev && a.ino == b.ino && a.generation == b.generation;
}

}  // namespace

void ExeFiles::Watch(const std::vector<std::string>& paths) {
  Files files;
  for (const std::string& path : paths) {
    const auto known = files_.find(path);
    files[path] = known == files_.end() ? File() : std::move(known->second);
  }
  files_ = std::move(files);
  ++changes_;
  IndexAll();
}

void ExeFiles::IndexAll() {
  by_inode_.clear();
  for (const auto& file : files_) {
    if (file.second.id) by_inode_[file.second.id->ino].push_back(&file);
    for (const Before& led : file.second.before) by_inode_[led.id.ino].push_back(&file);
  }
}

bool ExeFiles::Look() {
  const uint64_t began_ns = RealNs();
  int questions = kQuestionsAtOnce;
  bool all = true;
  for (auto& file : files_) all = Follow(file, questions) && all;
  looked_ns_ = kit::BootNs();
  if (all) looked_ctime_ns_ = began_ns - kCoarseNs;
  return all;
}

// False: the kernel would have to be asked once more.
bool ExeFiles::Follow(Files::value_type& entry, int& questions) {
  auto& [path, file] = entry;
  struct stat now {};
  if (stat(path.c_str(), &now) != 0) now = {};
  if (file.asked && SameStat(now, file.seen)) return true;
  const kit::OwnedFd fd(now.st_ino == 0 ? -1 : open(path.c_str(), O_PATH | O_CLOEXEC));
  if (fd && questions-- <= 0) return false;
  const auto described = fd ? kernel_.Describe(fd.get()) : absl::StatusOr<belfry_described_file>(absl::NotFoundError(""));
  if (fd && !described.ok()) {  // asked again at the next look
    changes_ += file.asked;
    file.asked = false;
    return true;
  }
  // Reached through a mount that others made, a path leads wherever they like.
  const bool ours = described.ok() && (described->place & BELFRY_PLACE_MNTNS_UNPRIV) == 0;
  const bool same = file.id && ours && SameFile(*file.id, described->id);
  // Replaced: what it led to holds for whoever was executed until now.
  if (file.id && !same) {
    file.before.push_back({.id = *file.id, .until_ns = kit::BootNs()});
    if (file.before.size() > kBeforeKept) file.before.erase(file.before.begin());
  }
  if (ours && !same) by_inode_[described->id.ino].push_back(&entry);
  if (!file.asked || !same) ++changes_;
  file.id = ours ? std::optional(described->id) : std::nullopt;
  file.seen = now;
  file.asked = true;
  return true;
}

// A file that is gone may leave its number to another, which is then executed later.
bool ExeFiles::Leads(const File& file, const belfry_file_id& image, uint64_t exec_ns) {
  if (file.id && SameFile(*file.id, image)) return true;
  return std::any_of(file.before.begin(), file.before.end(),
                     [&](const Before& led) { return SameFile(led.id, image) && exec_ns != 0 && exec_ns <= led.until_ns; });
}

std::vector<std::string> ExeFiles::Known(const belfry_file_id& image, uint64_t exec_ns) const {
  std::vector<std::string> paths;
  const auto candidates = by_inode_.find(image.ino);
  if (candidates == by_inode_.end()) return paths;
  for (const Files::value_type* file : candidates->second)
    if (Leads(file->second, image, exec_ns)) paths.push_back(file->first);
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

std::vector<std::string> ExeFiles::PathsOf(const belfry_file_id& image, uint64_t exec_ns, const std::string& called) {
  std::vector<std::string> paths = Known(image, exec_ns);
  if (!paths.empty()) return paths;
  int questions = kQuestionsAtOnce;
  if (const auto file = files_.find(called); file != files_.end()) Follow(*file, questions);
  if (files_.size() <= kFew && kit::BootNs() - looked_ns_ > kLookApartNs) Look();
  return Known(image, exec_ns);
}

ExeFiles::Led ExeFiles::LedBy(const std::string& path) const {
  const auto file = files_.find(path);
  if (file == files_.end() || !file->second.asked) return {};
  Led led{.known = true, .now = file->second.id, .before = {}};
  for (const Before& before : file->second.before) led.before.push_back(before.id);
  return led;
}

bool ExeFiles::Exists(const std::string& path) const {
  const auto file = files_.find(path);
  return file != files_.end() && file->second.seen.st_ino != 0;
}

}  // namespace belfry::engine
