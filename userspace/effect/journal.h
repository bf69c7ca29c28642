// What happened, one JSON object per line (field names of the Elastic Common Schema where it has one), to whoever
// follows. Nobody waits for a follower: each bounds its own queue and refuses lines when it is full.
// Not thread-safe: owned by the loop thread. Strings are escaped on the way in, so every line is valid UTF-8.
#ifndef BELFRY_EFFECT_JOURNAL_H_
#define BELFRY_EFFECT_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace belfry::effect {

// One thing that happened; empty and zero fields are left out of the line.
struct Entry {
  std::string action;   // event.action: "connect", "taint", "withheld", "cut", "impostor_listener", ...
  std::string outcome;  // event.outcome: "success", "failure"
  uint64_t time_ns = 0;  // CLOCK_BOOTTIME; 0: now
  std::string guard;
  uint32_t pid = 0;
  uint64_t pid_start_ns = 0;
  std::optional<uint32_t> uid;
  std::string comm;  // raw bytes
  std::string path;  // raw bytes
  std::vector<std::string> reasons;
  std::string message;
  std::string mode;
  uint64_t cookie = 0;
};

std::string ToJson(const Entry& entry);

struct Follower {
  bool everything = false;                       // also what concerns no guard
  std::function<bool(const std::string&)> line;  // false: take me off
  std::function<bool()> cancelled;
  std::function<void(absl::Status)> ended;  // once, last
};

class Journal {
 public:
  ~Journal() { Close(); }
  void Write(const Entry& entry);
  void Follow(Follower follower);
  void Prune();  // lets go of who has left
  void Close();  // ends everyone
  uint64_t written() const { return written_; }

 private:
  std::list<Follower> followers_;
  uint64_t written_ = 0;
};

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_JOURNAL_H_
