// belfryd's journal as it is written, followed over admin.sock: what the daemon did before anyone could ask it.
// Thread-safe; the destructor ends the following.
#ifndef BELFRY_DEMO_CHRONICLE_H_
#define BELFRY_DEMO_CHRONICLE_H_

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "belfry/v1/admin.grpc.pb.h"
#include "demo/wire.h"

namespace belfry::demo {

class Chronicle {
 public:
  explicit Chronicle(const std::string& admin_socket);
  ~Chronicle();

  // True once a connection to any guard was written down: following has begun.
  bool HasBegun(int timeout_ms);
  // Why this number was withheld, or a connection that it opened was cut or refused to others; empty if nothing of that
  // was within the time.
  std::vector<std::string> AwaitRefusal(pid_t opener, int timeout_ms);

 private:
  void Follow();
  void Read(const Json& line);

  std::unique_ptr<v1::Admin::Stub> admin_;
  grpc::ClientContext context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool begun_ = false;
  std::map<uint64_t, pid_t> openers_;  // by connection
  std::map<pid_t, std::vector<std::string>> refusals_;
  std::thread thread_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_CHRONICLE_H_
