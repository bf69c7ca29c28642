// The agent's listening socket: accepts one caller after another, learns who it is, hands the connection to gRPC.
// A scene can hold the door: callers connect but are not accepted until it is let go.
#ifndef BELFRY_DEMO_FRONT_DOOR_H_
#define BELFRY_DEMO_FRONT_DOOR_H_

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "demo/workload_api.h"
#include "kit/owned_fd.h"

namespace belfry::demo {

class FrontDoor {
 public:
  // Takes the path over from whoever held it, as spire-agent does (remove, listen, chmod 0777).
  static absl::StatusOr<std::unique_ptr<FrontDoor>> Open(const std::string& path, grpc::Server* server,
                                                         WorkloadApi* api, std::function<void(const Json&)> witness);
  ~FrontDoor();

  void Hold(bool held);  // returns once no accept is under way

 private:
  FrontDoor(kit::OwnedFd listener, kit::OwnedFd bell, grpc::Server* server, WorkloadApi* api,
            std::function<void(const Json&)> witness);
  void Serve();
  void AcceptOne();

  kit::OwnedFd listener_;
  kit::OwnedFd bell_;  // eventfd: rung to end
  grpc::Server* const server_;
  WorkloadApi* const api_;
  const std::function<void(const Json&)> witness_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_FRONT_DOOR_H_
