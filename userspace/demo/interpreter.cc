#include "demo/interpreter.h"

#include <elf.h>

#include <filesystem>
#include <fstream>

#include "kit/error.h"

namespace belfry::demo {

absl::StatusOr<std::string> InterpreterOf(const std::string& executable) {
  std::ifstream file(executable, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  for (int i = 0; file && i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.seekg(header.e_phoff + i * sizeof segment);
    file.read(reinterpret_cast<char*>(&segment), sizeof segment);
    if (!file || segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz > 4096) continue;
    std::string path(segment.p_filesz - 1, '\0');  // its last byte is the end of the string
    file.seekg(segment.p_offset);
    file.read(path.data(), path.size());
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    if (!error) return real.string();
  }
  return kit::Error(absl::StatusCode::kNotFound, "find the loader of " + executable, "it has none");
}

}  // namespace belfry::demo
