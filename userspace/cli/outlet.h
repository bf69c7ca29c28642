// Lines on their way to whoever reads our output: a bounded queue and the one thread that waits for that reader.
//
// Offer never waits. The writer never blocks in write(2) either: it polls, and writes no more than a pipe takes at once
// (PIPE_BUF), so that it can always be told to stop. Offer, AwaitRoom, StopWaiting and closed are thread-safe.
#ifndef BELFRY_CLI_OUTLET_H_
#define BELFRY_CLI_OUTLET_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "effect/entry.h"
#include "kit/owned_fd.h"
#include "kit/urgency.h"

namespace belfry::cli {

struct OutletLine {
  std::shared_ptr<const effect::Entry> entry;
  std::string json;  // as somebody else has written it already, escaped once; empty: not yet
};

class Outlet {
 public:
  struct Options {
    int fd = 1;           // the caller's
    bool datagrams = false;  // each line is one write(2)
    size_t room = 16384;  // lines; with who did it at about 1 KiB
    std::string prelude;  // written first
    std::function<std::string(const OutletLine&)> render;  // on the writer's thread
    std::function<std::string()> idle = nullptr;           // on the writer's thread, every second without lines: what else to write
    std::function<void()> closed;                          // on the writer's thread: nobody will read any more
  };
  explicit Outlet(Options options);
  ~Outlet();

  bool Offer(OutletLine line, kit::Urgency urgency);
  void AwaitRoom();  // for one ordinary line, or until nobody reads or nobody is to wait any more
  void StopWaiting();
  void Drain(std::chrono::milliseconds grace);  // waits until all that was taken is written, no longer than that
  bool closed() const { return closed_; }

  // Writes what waits, for `grace` at most, and stops. How many lines were not written whole.
  uint64_t Finish(std::chrono::milliseconds grace);
  absl::Status status() const { return status_; }  // why it closed, after Finish; OK: the reader went away

 private:
  using Clock = std::chrono::steady_clock;
  void Run();
  bool AwaitLines(std::unique_lock<std::mutex>& lock);
  bool Write(std::string_view text, size_t& written);
  bool AwaitWritable();
  void Close(const absl::Status& why);

  const Options options_;
  const size_t at_once_;  // bytes of one write(2)
  kit::OwnedFd wake_;  // readable: look at finish_by_ again
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<OutletLine> waiting_;
  size_t writing_ = 0;  // taken out of waiting_, not written yet
  bool finishing_ = false, waits_ = true;
  Clock::time_point finish_by_;
  uint64_t not_written_ = 0;
  std::atomic<bool> closed_ = false;
  absl::Status status_;
  std::thread writer_;
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_OUTLET_H_
