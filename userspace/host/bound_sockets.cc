#include "host/bound_sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "host/process_files.h"
#include "kit/read_file.h"

namespace belfry::host {
namespace {

constexpr size_t kFileBytes = 64 << 20;  // some hundred thousand sockets
constexpr size_t kColumnsBeforePath = 7;  // Num RefCount Protocol Flags Type St Inode

// Cuts off one column and the spaces around it.
absl::string_view TakeColumn(absl::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const absl::string_view column = line.substr(0, line.find(' '));
  line.remove_prefix(column.size());
  return column;
}

}  // namespace

BoundSockets ParseBoundSockets(std::string_view proc_net_unix) {
  BoundSockets bound;
  for (absl::string_view line : absl::StrSplit(absl::string_view(proc_net_unix.data(), proc_net_unix.size()), '\n')) {
    uint32_t type = 0;
    for (size_t column = 0; column < kColumnsBeforePath; ++column)
      if (const absl::string_view word = TakeColumn(line); column == 4 && !absl::SimpleHexAtoi(word, &type)) type = 0;
    if (line.size() < 2 || (line[1] != '/' && line[1] != '@')) continue;
    std::string name(line.substr(1));
    if (type == SOCK_STREAM) bound.insert_or_assign(std::move(name), kStream);
    else if (type == SOCK_DGRAM) bound.emplace(std::move(name), "datagram");
    else if (type == SOCK_SEQPACKET) bound.emplace(std::move(name), "seqpacket");
  }
  return bound;
}

absl::StatusOr<BoundSockets> ReadBoundSockets() {
  const auto text = kit::ReadFile(ProcRoot() + "/self/net/unix", kFileBytes);
  if (!text.ok()) return text.status();
  return ParseBoundSockets(*text);
}

}  // namespace belfry::host
