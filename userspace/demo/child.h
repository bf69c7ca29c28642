// A process that ends with its owner: killed and waited for by the destructor, and by the kernel if the demo dies first.
// Not thread-safe. Start from the demo's main thread only: a parent-death signal follows the thread that forked.
#ifndef BELFRY_DEMO_CHILD_H_
#define BELFRY_DEMO_CHILD_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace belfry::demo {

struct ChildOrder {
  std::vector<std::string> arguments;    // [0] is the program, absolute
  std::vector<std::string> environment;  // NAME=VALUE, nothing else is inherited
  int control = -1;                      // becomes descriptor 3 of the child
  int log = -1;                          // its stdout and stderr; -1: /dev/null
  uid_t uid = 0;                         // 0: stays root; otherwise uid, gid and no groups
  bool outlives = false;                 // true: no parent-death signal (the janitor)
  pid_t number = 0;                      // the process number wanted (clone3 set_tid); 0: any
};

inline constexpr int kControl = 3;

class Child {
 public:
  static absl::StatusOr<Child> Start(const ChildOrder& order);

  Child() = default;
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&& other) noexcept;
  ~Child() { Kill(); }

  pid_t pid() const { return pid_; }
  bool Ended();                 // true once it has; it is reaped then
  void Stop(int grace_ms);      // SIGTERM, SIGKILL after the grace
  void Kill();
  void AwaitEnd(int grace_ms);  // the child ends by itself, or is killed after the grace; it stays a zombie
  int Reap();                   // waits for the end; its exit code, -1 if a signal ended it

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_CHILD_H_
