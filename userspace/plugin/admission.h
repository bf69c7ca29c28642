// Who may speak to the plugin: the host that started it, and the supervisor. Nothing else authenticates that socket.
//
// Accepts on the already bound listening socket, asks the kernel who connected, and hands an admitted descriptor over.
// One thread; Stop() from any other.
#ifndef BELFRY_PLUGIN_ADMISSION_H_
#define BELFRY_PLUGIN_ADMISSION_H_

#include <sys/types.h>

#include <functional>

#include "kit/owned_fd.h"
#include "plugin/hclog.h"

namespace belfry::plugin {

class Admission {
 public:
  using Admit = std::function<void(kit::OwnedFd connection)>;

  // Does not own `listener`. `host` and `supervisor` as this process's pid namespace numbers them.
  Admission(int listener, pid_t host, pid_t supervisor, Hclog& log);

  // Returns after Stop().
  void Run(const Admit& admit);
  void Stop();

 private:
  bool IsAdmitted(int connection) const;

  const int listener_;
  const pid_t host_;
  const pid_t supervisor_;
  Hclog& log_;
  kit::OwnedFd stop_;  // eventfd
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_ADMISSION_H_
