// Both doors of belfryd: attest.sock for plugins, admin.sock for belfry(1).
//
// Open binds attest.sock first and admin.sock last: whoever can connect to admin.sock finds everything live.
// `questions` must outlive the doors and must still answer while Stop runs. Stop ends every stream, lets pending calls
// be answered until the deadline, cancels what is left, removes the socket files that Open made, and joins the threads;
// after it no call reaches `questions`. The destructor stops at once if nobody did. Owned by one thread.
#ifndef BELFRY_SERVICE_DOORS_H_
#define BELFRY_SERVICE_DOORS_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"
#include "service/questions.h"

namespace belfry::service {

struct DoorsOptions {
  std::string run_dir = "/run/belfry";  // made (0755) if it is not there
  kit::OwnedFd attest_listener;         // listening sockets from the service manager; empty: made in run_dir
  kit::OwnedFd admin_listener;
  std::string admin_group = "belfry";  // besides root; a group that does not exist admits nobody
};

class Doors {
 public:
  virtual ~Doors() = default;
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

absl::StatusOr<std::unique_ptr<Doors>> OpenDoors(DoorsOptions options, Questions& questions);

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_DOORS_H_
