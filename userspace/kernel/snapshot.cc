#include "kernel/snapshot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/call.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

// Emptied again in any case: the next walk must not look for this one's cookies.
class WantedCookies {
 public:
  WantedCookies(int map_fd, std::span<const uint64_t> cookies) : map_fd_(map_fd), cookies_(cookies) {
    const uint32_t yes = 1;
    for (const uint64_t cookie : cookies_) ok_ &= bpf_map_update_elem(map_fd_, &cookie, &yes, BPF_ANY) == 0;
  }
  ~WantedCookies() {
    for (const uint64_t cookie : cookies_) bpf_map_delete_elem(map_fd_, &cookie);
  }
  bool ok() const { return ok_; }

 private:
  int map_fd_;
  std::span<const uint64_t> cookies_;
  bool ok_ = true;
};

// A server's end whose client is older than Belfry and was not met yet.
bool LacksClientCookie(const belfry_socket& socket) {
  return socket.end == BELFRY_END_SERVER && (socket.peer_cookie & BELFRY_COOKIE_NONE_BIT) != 0;
}

}  // namespace

Snapshot::Snapshot(belfry_bpf* skeleton) : skeleton_(skeleton) {
  belfry_call call = {};
  if (Call(skeleton_->progs.who_am_i, call).ok()) own_tgid_ = call.tgid;
  in_initial_namespace_ = own_tgid_ == static_cast<uint32_t>(getpid());
}

belfry_question& Snapshot::Ask() {
  skeleton_->bss->question = {};
  return skeleton_->bss->question;
}

Walk Snapshot::Thread(uint32_t tgid) const {
  if (tgid == 0 || !in_initial_namespace_) return {};
  return {.over = Walk::Over::kThread, .number = tgid};
}

Walk Snapshot::Process(uint32_t tgid) const {
  if (tgid == 0 || !in_initial_namespace_) return {};
  return {.over = Walk::Over::kProcess, .number = tgid};
}

absl::Status Snapshot::SetReference(BpfOptions::Reference reference) {
  const bool of_init = reference == BpfOptions::Reference::kInit;
  belfry_call call = {.of_init = of_init};
  if (absl::Status s = Call(skeleton_->progs.note_reference, call); !s.ok()) return s;
  if (call.found) return absl::OkStatus();
  return kit::Error(absl::StatusCode::kNotFound, "looking at the root of " + std::string(of_init ? "init" : "ourselves"),
                    "it has none");
}

absl::StatusOr<std::vector<belfry_live>> Snapshot::Live(uint32_t tgid) {
  Ask().tgid = tgid;
  return IterateRecords<belfry_live>(skeleton_->progs.list_processes, Thread(tgid));
}

absl::StatusOr<std::vector<belfry_socket>> Snapshot::Sockets(uint32_t tgid) {
  Ask().tgid = tgid;
  auto sockets = IterateRecords<belfry_socket>(skeleton_->progs.list_sockets, Process(tgid));
  if (!sockets.ok() || std::none_of(sockets->begin(), sockets->end(), LacksClientCookie)) return sockets;
  // Both ends are given cookies as they are met: a second walk (over everyone, who may hold the other end) knows them.
  Ask().tgid = 0;
  auto everyone = IterateRecords<belfry_socket>(skeleton_->progs.list_sockets, {});
  if (!everyone.ok()) return everyone;
  Ask().tgid = tgid;
  return IterateRecords<belfry_socket>(skeleton_->progs.list_sockets, Process(tgid));
}

absl::StatusOr<std::vector<belfry_socket>> Snapshot::HoldersOf(std::span<const uint64_t> cookies) {
  if (cookies.empty()) return std::vector<belfry_socket>();
  WantedCookies wanted(bpf_map__fd(skeleton_->maps.wanted), cookies);
  if (!wanted.ok()) return kit::ErrnoError("asking for the holders of connections");
  Ask().wanted_only = 1;
  auto holders = IterateRecords<belfry_socket>(skeleton_->progs.list_sockets, {});
  if (!holders.ok()) return holders;
  // In a message and in nobody's table any more: a holder without a slot.
  for (const uint64_t cookie : cookies) {
    belfry_call call = {.cookie = cookie};
    if (!Call(skeleton_->progs.examine_connection, call).ok() || !call.in_flight) continue;
    belfry_socket flying = {.cookie = cookie, .fd = UINT32_MAX, .end = BELFRY_END_CLIENT, .in_flight = 1};
    flying.guard = BELFRY_GUARD_NONE;
    holders->push_back(flying);
  }
  return holders;
}

absl::StatusOr<belfry_described_file> Snapshot::Describe(int fd) {
  belfry_question& question = Ask();
  question.tgid = own_tgid_;
  question.number = static_cast<uint32_t>(fd);
  auto files = IterateRecords<belfry_described_file>(skeleton_->progs.describe_file, Process(own_tgid_));
  if (!files.ok()) return files.status();
  if (!files->empty()) return files->front();
  return kit::Error(absl::StatusCode::kNotFound, absl::StrCat("describing our descriptor ", fd), "it is not open");
}

std::optional<uint32_t> Snapshot::Translate(uint32_t asker, int32_t pid) {
  if (pid <= 0) return std::nullopt;
  belfry_question& question = Ask();
  question.tgid = asker;
  if (!Iterate(skeleton_->progs.note_namespace, Thread(asker)).ok() || !question.answered) return std::nullopt;
  question.answered = 0;
  question.number = static_cast<uint32_t>(pid);
  // Asked from the initial namespace, numbers are what they are: one thread to look at instead of all.
  const Walk walk = question.pidns_level == 0 ? Thread(static_cast<uint32_t>(pid)) : Walk{};
  if (!Iterate(skeleton_->progs.translate_number, walk).ok() || !question.answered) return std::nullopt;
  return question.translated;
}

}  // namespace belfry::kernel
