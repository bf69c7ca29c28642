#include "kit/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace belfry::kit {
namespace {

constexpr std::string_view kCut = "...";

}  // namespace

Log::Log(int fd, Level most_verbose, bool journal) : fd_(fd), most_verbose_(most_verbose), journal_(journal) {}

void Log::Line(Level level, std::string_view text) const {
  if (level > most_verbose_) return;
  std::string line = journal_ ? absl::StrCat("<", static_cast<int>(level), ">") : std::string();
  const size_t room = kLogLineBytes - line.size() - 1;
  const bool cut = text.size() > room;
  line.append(text.substr(0, cut ? room - kCut.size() : room)).append(cut ? kCut : "");
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  line.push_back('\n');
  ssize_t written;
  do {
    written = write(fd_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size())) ++lost_;
}

bool IsJournalStream(int fd, const char* journal_stream) {
  struct stat at {};
  if (journal_stream == nullptr || fstat(fd, &at) != 0) return false;
  return absl::StrCat(at.st_dev, ":", at.st_ino) == journal_stream;
}

}  // namespace belfry::kit
