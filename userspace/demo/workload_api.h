// The SPIFFE Workload API as SPIRE's agent serves it: one attestation per call, by the number the connection was
// accepted with; then the liveness check; then the entry. Each call is also told to a witness: what /proc said, what
// the attestor said, who got what.
// Thread-safe. Runs the calls on gRPC's threads; the witness is called from them.
#ifndef BELFRY_DEMO_WORKLOAD_API_H_
#define BELFRY_DEMO_WORKLOAD_API_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "demo/authority.h"
#include "demo/entries.h"
#include "demo/peer_watch.h"
#include "demo/plugin_host.h"
#include "demo/wire.h"
#include "spiffe/workload.grpc.pb.h"

namespace belfry::demo {

struct ApiParts {
  std::string trust_domain;
  std::vector<Entry> entries;
  std::function<PluginAnswer(pid_t)> attest;
  std::function<Json(pid_t)> belfry_says;    // asked after the attestor; null: nothing more is known
  std::function<void(const Json&)> witness;  // {"event":"asked"|"judged"|"answered", ...}
};

class WorkloadApi : public SpiffeWorkloadAPI::Service {
 public:
  WorkloadApi(Authority authority, ApiParts parts) : authority_(std::move(authority)), parts_(std::move(parts)) {}

  grpc::Status FetchX509SVID(grpc::ServerContext* context, const X509SVIDRequest*,
                             grpc::ServerWriter<X509SVIDResponse>* out) override;
  grpc::Status FetchX509Bundles(grpc::ServerContext* context, const X509BundlesRequest*,
                                grpc::ServerWriter<X509BundlesResponse>* out) override;

  // The caller behind an accepted descriptor; its calls name it as their peer "fd:N".
  void Accepted(int fd, std::shared_ptr<PeerWatch> caller);
  void Settle();  // returns once no call is between its first and its last word to the witness
  void Stop();    // open streams end

 private:
  grpc::Status Identify(grpc::ServerContext* context, std::vector<std::string>* identities);
  std::vector<std::string> Decide(const PeerWatch& caller, uint64_t call, bool* unavailable);
  void HoldOpen(grpc::ServerContext* context);

  const Authority authority_;
  const ApiParts parts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<PeerWatch>> callers_;
  uint64_t calls_ = 0;
  int deciding_ = 0;
  bool stopping_ = false;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_WORKLOAD_API_H_
