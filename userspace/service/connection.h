// What all calls of one accepted connection share: who is on the other end, and what ends when it does.
//
// gRPC 1.51 hands nothing of an adopted descriptor to its calls that stays unique: the descriptor's number is given to
// the next connection while calls of the last one are still under way. So each connection gets a gRPC server and a
// service of its own, made with the peer as a value: there is no mapping that could be wrong.
//
// Thread-safe. Outlives every call of the connection (owned by its session, which shuts the server down first).
#ifndef BELFRY_SERVICE_CONNECTION_H_
#define BELFRY_SERVICE_CONNECTION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "absl/status/status.h"
#include "service/questions.h"

namespace belfry::service {

class Connection {
 public:
  explicit Connection(const Peer& peer) : peer_(peer) {}

  const Peer& peer() const { return peer_; }

  // One of its calls was answered as a peer's that belongs here; such a connection is never evicted for room.
  void Admit() { admitted_ = true; }
  bool admitted() const { return admitted_; }

  // Streams have no end of their own: EndStreams calls each registered `end` once, and later ones at once.
  // Returns a ticket for Unregister, which may be called from inside `end`.
  uint64_t Register(std::function<void(absl::Status)> end);
  void Unregister(uint64_t ticket);
  void EndStreams(const absl::Status& why);

 private:
  const Peer peer_;
  std::atomic<bool> admitted_ = false;
  std::mutex mutex_;
  uint64_t next_ticket_ = 1;
  std::map<uint64_t, std::function<void(absl::Status)>> streams_;
  absl::Status ended_;  // not OK once EndStreams was called
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_CONNECTION_H_
