// Is there room for one more connection of this process and this user, and whose has to go for it?
// Pure; not thread-safe.
#ifndef BELFRY_SERVICE_ADMISSION_H_
#define BELFRY_SERVICE_ADMISSION_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "service/peer_gate.h"
#include "service/questions.h"

namespace belfry::service {

class Admission {
 public:
  explicit Admission(const GateOptions& options)
      : per_process_(options.connections_per_process),
        per_user_(options.connections_per_user),
        all_(options.connections) {}

  enum class Answer { kRoom, kRefuse, kEvictFirst };
  Answer Ask(const Peer& peer) const {
    if (Count(processes_, peer.tgid) >= per_process_) return Answer::kRefuse;
    if (peer.uid != 0 && Count(users_, peer.uid) >= per_user_) return Answer::kRefuse;
    return open_ >= all_ ? Answer::kEvictFirst : Answer::kRoom;
  }
  void Enter(const Peer& peer) {
    ++processes_[peer.tgid];
    ++users_[peer.uid];
    ++open_;
  }
  void Leave(const Peer& peer) {
    if (--processes_[peer.tgid] == 0) processes_.erase(peer.tgid);
    if (--users_[peer.uid] == 0) users_.erase(peer.uid);
    --open_;
  }

 private:
  static size_t Count(const std::map<uint32_t, size_t>& counts, uint32_t key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }
  const size_t per_process_, per_user_, all_;
  size_t open_ = 0;
  std::map<uint32_t, size_t> processes_, users_;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_ADMISSION_H_
