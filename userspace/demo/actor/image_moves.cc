// Images that are not what they seem: mounts, loaders, and an executable swapped without exec.
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "demo/actor/moves.h"
#include "kit/error.h"

extern char** environ;

namespace belfry::demo {
namespace {

struct Segment {
  char* at;
  size_t bytes;
  int protection;
};

int OwnSegments(dl_phdr_info* object, size_t, void* out) {
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const uintptr_t from = (object->dlpi_addr + header.p_vaddr) & ~(page - 1);
    const uintptr_t to = (object->dlpi_addr + header.p_vaddr + header.p_memsz + page - 1) & ~(page - 1);
    const int protection = (header.p_flags & PF_R ? PROT_READ : 0) | (header.p_flags & PF_W ? PROT_WRITE : 0) |
                           (header.p_flags & PF_X ? PROT_EXEC : 0);
    static_cast<std::vector<Segment>*>(out)->push_back({reinterpret_cast<char*>(from), to - from, protection});
  }
  return 1;  // the first object is the program itself
}

// The kernel refuses a new exe file while the old one is mapped: put anonymous copies in its place.
absl::Status ForgetOwnFile() {
  std::vector<Segment> segments;
  dl_iterate_phdr(OwnSegments, &segments);
  for (const Segment& segment : segments) {
    void* copy = mmap(nullptr, segment.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) return kit::ErrnoError("copy the program");
    memcpy(copy, segment.at, segment.bytes);
    if (mprotect(copy, segment.bytes, segment.protection) != 0) return kit::ErrnoError("protect the copy");
    if (mremap(copy, segment.bytes, segment.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, segment.at) == MAP_FAILED) {
      return kit::ErrnoError("put the copy in place");
    }
  }
  return absl::OkStatus();
}

// kernel-facts 9.1: from here on the link to the executable, its inode and its digest are those of words[1].
absl::StatusOr<Json> SwapExecutable(Move& move) {
  kit::OwnedFd file(open(move.words.at(1).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return kit::ErrnoError("open " + move.words[1]);
  absl::Status copied = ForgetOwnFile();
  if (!copied.ok()) return copied;
  const auto here = reinterpret_cast<uintptr_t>(&OwnSegments);
  const auto data = reinterpret_cast<uintptr_t>(&environ);
  const auto top = reinterpret_cast<uintptr_t>(sbrk(0));
  const auto stack = reinterpret_cast<uintptr_t>(environ[0]);
  prctl_mm_map map{};
  map.start_code = here;
  map.end_code = here + 1;
  map.start_data = map.end_data = data;
  map.start_brk = map.brk = top;
  map.start_stack = stack;
  map.arg_start = map.arg_end = map.env_start = map.env_end = stack;
  map.exe_fd = file.get();
  if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) != 0) return kit::ErrnoError("PR_SET_MM_MAP");
  return true;
}

absl::StatusOr<Json> Tmpfs(Move& move) {
  if (mount("belfry-demo", move.words.at(1).c_str(), "tmpfs", 0, "mode=0755") != 0) {
    return kit::ErrnoError("mount a tmpfs of our own");
  }
  return true;
}

absl::StatusOr<Json> Bind(Move& move) {
  if (mount(move.words.at(1).c_str(), move.words.at(2).c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return kit::ErrnoError("bind over " + move.words[2]);
  }
  return true;
}

// words: loader, copy, list, library. The copy is the loader with one string changed: it preloads what `list` names.
absl::StatusOr<Json> PatchedLoader(Move& move) {
  std::ifstream in(move.words.at(1), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const std::string from("/etc/ld.so.preload\0", 19);
  std::string to = move.words.at(3);
  const size_t at = bytes.find(from);
  if (at == std::string::npos || to.size() >= from.size()) {
    return kit::Error(absl::StatusCode::kNotFound, "make a foreign loader", "this libc names its preload list otherwise");
  }
  to.resize(from.size(), '\0');
  bytes.replace(at, from.size(), to);
  std::ofstream(move.words[2], std::ios::binary) << bytes;
  std::ofstream(move.words[3]) << move.words.at(4) << "\n";
  if (chmod(move.words[2].c_str(), 0755) != 0) return kit::ErrnoError("make the loader executable");
  return true;
}

absl::StatusOr<Json> Foreign(Move&) { return getenv("BELFRY_DEMO_FOREIGN_CODE") != nullptr; }

}  // namespace

const MoveTable& ImageMoves() {
  static const MoveTable table{{"tmpfs", Tmpfs},
                               {"bind", Bind},
                               {"patched-loader", PatchedLoader},
                               {"swap-executable", SwapExecutable},
                               {"foreign", Foreign}};
  return table;
}

}  // namespace belfry::demo
