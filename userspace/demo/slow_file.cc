#include "demo/slow_file.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "kit/error.h"

namespace belfry::demo {
namespace {

constexpr uint64_t kFileNode = 2;
constexpr uint64_t kForever = 1000000;  // seconds an attribute stays valid
constexpr size_t kRequestBytes = FUSE_MIN_READ_BUFFER + 128 * 1024;

fuse_attr Attributes(uint64_t node) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.mode = node == kFileNode ? S_IFREG | 0444 : S_IFDIR | 0755;
  attributes.nlink = 1;
  attributes.blksize = 4096;
  return attributes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SlowFile>> SlowFile::Mount(const std::string& folder) {
  kit::OwnedFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) return kit::ErrnoError("open /dev/fuse", "modprobe fuse");
  mkdir(folder.c_str(), 0755);
  const std::string options =
      "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (mount("belfry-demo", folder.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return kit::ErrnoError("mount a FUSE filesystem");
  }
  return std::unique_ptr<SlowFile>(new SlowFile(folder, std::move(device)));
}

SlowFile::SlowFile(std::string folder, kit::OwnedFd device)
    : folder_(std::move(folder)), device_(std::move(device)), thread_([this] { Serve(); }) {}

SlowFile::~SlowFile() {
  LetGo();
  umount2(folder_.c_str(), MNT_FORCE | MNT_DETACH);  // aborts the connection: read fails with ENODEV
  thread_.join();
}

void SlowFile::Serve() {
  std::vector<char> request(kRequestBytes);
  while (true) {
    const ssize_t got = read(device_.get(), request.data(), request.size());
    if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (got < static_cast<ssize_t>(sizeof(fuse_in_header))) return;
    Answer({request.begin(), request.begin() + got});
  }
}

void SlowFile::Reply(uint64_t unique, int error, const void* body, size_t bytes) {
  fuse_out_header header{static_cast<uint32_t>(sizeof header + bytes), -error, unique};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<void*>(body), bytes}};
  (void)!writev(device_.get(), parts, bytes ? 2 : 1);  // an asker that is gone makes this ENOENT
}

void SlowFile::Answer(const std::vector<char>& request) {
  fuse_in_header in;
  memcpy(&in, request.data(), sizeof in);
  switch (in.opcode) {
    case FUSE_INIT: {
      fuse_init_out out{};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = 31;
      out.max_write = 4096;
      return Reply(in.unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
      fuse_entry_out out{};
      if (strncmp(request.data() + sizeof in, "file", 5) != 0) return Reply(in.unique, ENOENT, nullptr, 0);
      out.nodeid = kFileNode;
      out.entry_valid = out.attr_valid = kForever;
      out.attr = Attributes(kFileNode);
      return Reply(in.unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR: {
      fuse_attr_out out{};
      out.attr_valid = kForever;
      out.attr = Attributes(in.nodeid);
      return Reply(in.unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN: {
      fuse_open_out out{};
      return Reply(in.unique, 0, &out, sizeof out);
    }
    case FUSE_FLUSH: {
      std::lock_guard<std::mutex> lock(mutex_);
      if (let_go_) return Reply(in.unique, 0, nullptr, 0);
      held_.push_back(in.unique);
      return changed_.notify_all();
    }
    case FUSE_RELEASE:
    case FUSE_ACCESS:
      return Reply(in.unique, 0, nullptr, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;  // no answer is wanted
    default:
      return Reply(in.unique, ENOSYS, nullptr, 0);
  }
}

bool SlowFile::WaitForClose(int timeout_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return !held_.empty(); });
}

void SlowFile::LetGo() {
  std::lock_guard<std::mutex> lock(mutex_);
  let_go_ = true;
  for (uint64_t unique : held_) Reply(unique, 0, nullptr, 0);
  held_.clear();
}

}  // namespace belfry::demo
