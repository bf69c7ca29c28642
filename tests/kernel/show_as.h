// A process that shows another file as its executable than the one it executes. For children of a test.
#ifndef BELFRY_TESTS_KERNEL_SHOW_AS_H_
#define BELFRY_TESTS_KERNEL_SHOW_AS_H_

#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace belfry::kernel {

// Where our own parts are, so that PR_SET_MM_MAP changes nothing but the executable.
inline prctl_mm_map OwnMap() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::vector<std::string> fields(3);  // so that fields[n] is field n of proc(5)
  for (std::string field; rest >> field;) fields.push_back(field);
  const auto at = [&](int n) { return std::stoull(fields.at(static_cast<size_t>(n))); };
  return {.start_code = at(26),
          .end_code = at(27),
          .start_data = at(45),
          .end_data = at(46),
          .start_brk = at(47),
          .brk = reinterpret_cast<uint64_t>(sbrk(0)),
          .start_stack = at(28),
          .arg_start = at(48),
          .arg_end = at(49),
          .env_start = at(50),
          .env_end = at(51),
          .auxv = nullptr,
          .auxv_size = 0,
          .exe_fd = 0};
}

// 0, or why not: EPERM where it may not.
inline int ShowAs(const std::string& file) {
  // The swap wants that nothing of the old file is mapped: its pages are replaced by copies.
  std::ifstream maps("/proc/self/maps");
  std::string line;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::vector<std::pair<unsigned long, unsigned long>> ours;
  while (std::getline(maps, line)) {
    unsigned long start = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &start, &end) == 2 && line.find(self) != std::string::npos) {
      ours.emplace_back(start, end);
    }
  }
  for (const auto& [start, end] : ours) {
    const size_t size = end - start;
    void* copy = mmap(nullptr, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) _exit(2);
    std::memcpy(copy, reinterpret_cast<void*>(start), size);
    if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start) == MAP_FAILED) _exit(3);
  }
  prctl_mm_map map = OwnMap();
  map.exe_fd = static_cast<uint32_t>(open(file.c_str(), O_RDONLY));
  return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) == 0 ? 0 : errno;
}

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_SHOW_AS_H_
