// The director's hand on one actor: each method is one move, returns when the actor has made it, and is an event that
// orders the scene. The first move that fails is kept in the scene's Trouble and every later one does nothing.
// Not thread-safe.
#ifndef BELFRY_DEMO_PLAYER_H_
#define BELFRY_DEMO_PLAYER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "demo/child.h"
#include "demo/wire.h"
#include "kit/owned_fd.h"

namespace belfry::demo {

struct Trouble {
  absl::Status first;
  bool any() const { return !first.ok(); }
  void Note(const absl::Status& status) { first.Update(status); }
};

struct Fetched {
  std::string identity;  // empty: none
  int code = 0;          // gRPC's, when there is none
  std::string message;
};

class Player {
 public:
  Player(Trouble& trouble, pid_t pid, Child child, kit::OwnedFd control)
      : trouble_(&trouble), pid_(pid), child_(std::move(child)), control_(std::move(control)) {}

  // Descriptors are numbers of the actor's own table.
  int Connect(const std::string& socket);
  void ConnectAgain(int fd, const std::string& socket);
  // -1: the kernel did not let it arrive.
  void HandOver(int fd, Player& to, int* taken);  // SCM_RIGHTS
  int TakeFrom(const Player& opener, int fd);     // pidfd_getfd

  Player Fork();
  // Words before the program are NAME=VALUE for its environment; returns when the new image has spoken.
  void Exec(const std::vector<std::string>& words);
  void ExecFromThread(const std::vector<std::string>& words);
  void BeginExec(const std::vector<std::string>& words);
  void FinishExec() { Finish(); }
  void Exit();
  void Reap() { child_.Reap(); }

  Fetched Fetch(const std::string& socket);
  Fetched FetchOver(int fd);
  void BeginFetchOver(int fd) { Begin({"fetch-over", std::to_string(fd)}); }
  void BeginFetchPatiently(const std::string& socket) { Begin({"fetch-patiently", socket}); }
  Fetched FinishFetch();

  // Any verb of actor/moves.h.
  Json Do(const std::vector<std::string>& words, int pass = -1);
  void Begin(const std::vector<std::string>& words, int pass = -1);
  Json Finish();

  pid_t pid() const { return pid_; }

 private:
  Trouble* trouble_;
  pid_t pid_;
  Child child_;  // empty for an actor that another actor forked: it ends when its control closes
  kit::OwnedFd control_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_PLAYER_H_
