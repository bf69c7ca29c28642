// The one writer of log lines: each call is one line on one descriptor, written by one write(2).
// A line may carry text that was escaped already; control bytes in it become spaces so that it stays one line.
// Thread-safe. Does not own the descriptor. A failed write is counted, never an error: logging must not stop the work.
#ifndef BELFRY_KIT_LOG_H_
#define BELFRY_KIT_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace belfry::kit {

// The numbers are syslog's, which is what the journal reads in a "<3>" prefix.
enum class Level { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

// Bytes of one line, its newline included: a pipe takes that much in one piece (PIPE_BUF), so lines never interleave.
inline constexpr size_t kLogLineBytes = 4096;

class Log {
 public:
  // Lines above `most_verbose` are dropped. `journal`: prefix each line with its level as sd-daemon(3) has it.
  explicit Log(int fd, Level most_verbose = Level::kInfo, bool journal = false);

  void Line(Level level, std::string_view text) const;
  void Error(std::string_view text) const { Line(Level::kError, text); }
  void Warning(std::string_view text) const { Line(Level::kWarning, text); }
  void Notice(std::string_view text) const { Line(Level::kNotice, text); }
  void Info(std::string_view text) const { Line(Level::kInfo, text); }
  void Debug(std::string_view text) const { Line(Level::kDebug, text); }

  uint64_t lost() const { return lost_.load(); }  // lines that could not be written whole

 private:
  const int fd_;
  const Level most_verbose_;
  const bool journal_;
  mutable std::atomic<uint64_t> lost_{0};
};

// True if `fd` is the stream that systemd announced in $JOURNAL_STREAM ("device:inode", systemd.exec(5)).
// `journal_stream` is that variable's value, nullptr if unset.
bool IsJournalStream(int fd, const char* journal_stream);

}  // namespace belfry::kit

#endif  // BELFRY_KIT_LOG_H_
