#include "cli/outlet.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "kit/error.h"

namespace belfry::cli {
namespace {

constexpr size_t kBatch = 256;           // lines rendered before the first of them is written
constexpr std::chrono::seconds kIdle{1};
constexpr size_t kFileBytes = 256 << 10;  // at once; no reader can be slow

size_t AtOnce(int fd, bool datagrams) {
  struct stat file {};
  if (datagrams) return std::numeric_limits<size_t>::max();
  return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) ? kFileBytes : PIPE_BUF;
}

}  // namespace

Outlet::Outlet(Options options)
    : options_(std::move(options)), at_once_(AtOnce(options_.fd, options_.datagrams)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), writer_([this] { Run(); }) {}

Outlet::~Outlet() { Finish(std::chrono::milliseconds(0)); }

bool Outlet::Offer(OutletLine line, kit::Urgency urgency) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() + writing_ >= kit::RoomFor(urgency, options_.room)) return false;
  waiting_.push_back(std::move(line));
  changed_.notify_all();
  return true;
}

void Outlet::AwaitRoom() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return closed_ || finishing_ || !waits_ || waiting_.size() + writing_ < kit::RoomFor(kit::Urgency::kOrdinary, options_.room);
  });
}

void Outlet::StopWaiting() {
  const std::lock_guard lock(mutex_);
  waits_ = false;
  changed_.notify_all();
}

void Outlet::Drain(std::chrono::milliseconds grace) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, grace, [this] { return closed_ || waiting_.size() + writing_ == 0; });
}

uint64_t Outlet::Finish(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    finish_by_ = Clock::now() + grace;
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
    changed_.notify_all();
  }
  if (writer_.joinable()) writer_.join();
  return not_written_ + waiting_.size();
}

// False: there are none, and will be none.
bool Outlet::AwaitLines(std::unique_lock<std::mutex>& lock) {
  const auto have = [this] { return finishing_ || !waiting_.empty(); };
  while (options_.idle && !changed_.wait_for(lock, kIdle, have)) {
    lock.unlock();
    size_t written = 0;
    const bool all = Write(options_.idle(), written);
    lock.lock();
    if (!all) return false;
  }
  changed_.wait(lock, have);
  return !waiting_.empty();
}

void Outlet::Run() {
  size_t written = 0;
  if (!Write(options_.prelude, written)) return;
  for (;;) {
    std::vector<OutletLine> batch;
    {
      std::unique_lock lock(mutex_);
      if (!AwaitLines(lock)) return;
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(kBatch, waiting_.size()));
      batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
      writing_ = batch.size();
    }
    std::string text;
    std::vector<size_t> ends;
    for (const OutletLine& line : batch) {
      text += options_.render(line);
      ends.push_back(text.size());
    }
    written = 0;
    bool all = options_.datagrams || Write(text, written);
    for (size_t i = 0; options_.datagrams && all && i < ends.size(); ++i)
      all = Write(std::string_view(text).substr(0, ends[i]), written);
    const std::lock_guard lock(mutex_);
    writing_ = 0;
    changed_.notify_all();
    if (all) continue;
    not_written_ = static_cast<uint64_t>(std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end > written; }));
    return;
  }
}

bool Outlet::Write(std::string_view text, size_t& written) {
  while (written < text.size()) {
    if (!AwaitWritable()) return false;
    const ssize_t count = write(options_.fd, text.data() + written, std::min(at_once_, text.size() - written));
    if (count > 0) {
      written += static_cast<size_t>(count);
    } else if (count < 0 && errno != EINTR && errno != EAGAIN) {
      Close(errno == EPIPE ? absl::OkStatus() : kit::ErrnoError("writing the audit's lines"));
      return false;
    }
  }
  return true;
}

// False: whoever reads is too slow for the time that is left.
bool Outlet::AwaitWritable() {
  for (;;) {
    int wait_ms = -1;
    {
      const std::lock_guard lock(mutex_);
      if (finishing_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(finish_by_ - Clock::now());
        wait_ms = static_cast<int>(std::max<int64_t>(0, left.count()));
      }
    }
    pollfd fds[] = {{.fd = options_.fd, .events = POLLOUT, .revents = 0}, {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    const int ready = poll(fds, wait_ms < 0 ? 2 : 1, wait_ms);
    if (fds[0].revents != 0) return true;  // errors are write(2)'s to tell
    if (ready == 0 && wait_ms >= 0) return false;
  }
}

void Outlet::Close(const absl::Status& why) {
  {
    const std::lock_guard lock(mutex_);
    status_ = why;
    closed_ = true;
    changed_.notify_all();
  }
  if (options_.closed) options_.closed();
}

}  // namespace belfry::cli
