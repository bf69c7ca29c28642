// Runs a program of snapshot.bpf.c over the kernel's own lists and reads what it wrote.
#ifndef BELFRY_KERNEL_ITERATE_H_
#define BELFRY_KERNEL_ITERATE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct bpf_program;

namespace belfry::kernel {

// Which tasks the kernel walks; a number is one of our own pid namespace. The programs filter by themselves too.
struct Walk {
  enum class Over { kAll, kThread, kProcess } over = Over::kAll;
  uint32_t number = 0;
};

// Everything the program wrote in one walk. No task of that number: an empty answer.
absl::StatusOr<std::string> Iterate(const bpf_program* program, Walk walk);

template <typename Record>
absl::StatusOr<std::vector<Record>> IterateRecords(const bpf_program* program, Walk walk) {
  absl::StatusOr<std::string> bytes = Iterate(program, walk);
  if (!bytes.ok()) return bytes.status();
  std::vector<Record> records(bytes->size() / sizeof(Record));
  if (!records.empty()) std::memcpy(records.data(), bytes->data(), records.size() * sizeof(Record));
  return records;
}

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_ITERATE_H_
