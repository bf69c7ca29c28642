#include "demo/workload_api.h"

#include <algorithm>
#include <chrono>

#include "demo/stock.h"

namespace belfry::demo {
namespace {

grpc::Status CheckHeader(const grpc::ServerContext& context) {
  auto found = context.client_metadata().find("workload.spiffe.io");
  if (found != context.client_metadata().end() && found->second == "true") return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT, "security header missing from request"};
}

}  // namespace

void WorkloadApi::Accepted(int fd, std::shared_ptr<PeerWatch> caller) {
  std::lock_guard<std::mutex> lock(mutex_);
  callers_["fd:" + std::to_string(fd)] = std::move(caller);
}

// What /proc says is read at the same moment as the attestor is asked, on a thread of its own: a hostile filesystem can
// hold that read until the scene lets it go.
std::vector<std::string> WorkloadApi::Decide(const PeerWatch& caller, uint64_t call, bool* unavailable) {
  parts_.witness({{"event", "asked"}, {"call", call}, {"pid", caller.pid()}});
  StockView view;
  std::thread reader([&] { view = ReadStockView(caller.pid()); });
  const PluginAnswer answer = parts_.attest(caller.pid());
  Json judged{{"event", "judged"},         {"call", call},          {"pid", caller.pid()},
              {"code", int(answer.code)},  {"message", answer.message}, {"selectors", answer.selectors}};
  if (parts_.belfry_says) judged["belfry"] = parts_.belfry_says(caller.pid());
  parts_.witness(judged);
  reader.join();
  *unavailable = answer.code == grpc::StatusCode::UNAVAILABLE;
  const bool alive = caller.IsAlive();
  std::vector<std::string> identities;
  if (answer.code == grpc::StatusCode::OK && alive) identities = Earned(parts_.entries, answer.selectors);
  Json answered = judged;
  answered["event"] = "answered";
  answered["alive"] = alive;
  answered["proc_says"] = StockJson(view, parts_.entries, alive);
  answered["identity"] = identities.empty() ? "" : identities.front();
  parts_.witness(answered);
  return identities;
}

// As SPIRE answers: Unavailable while the attestor cannot tell, PermissionDenied when there is no entry for what it told.
grpc::Status WorkloadApi::Identify(grpc::ServerContext* context, std::vector<std::string>* identities) {
  grpc::Status header = CheckHeader(*context);
  if (!header.ok()) return header;
  std::shared_ptr<PeerWatch> caller;
  uint64_t call = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = callers_.find(context->peer());
    if (found == callers_.end()) return {grpc::StatusCode::INTERNAL, "caller unknown: " + context->peer()};
    caller = found->second;
    call = ++calls_;
    ++deciding_;
  }
  bool unavailable = false;
  *identities = Decide(*caller, call, &unavailable);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    --deciding_;
  }
  changed_.notify_all();
  if (unavailable) return {grpc::StatusCode::UNAVAILABLE, "workload attestation failed"};
  if (identities->empty()) return {grpc::StatusCode::PERMISSION_DENIED, "no identity issued"};
  return grpc::Status::OK;
}

// gRPC's synchronous server has no event for a client that leaves: it is looked for a few times a second.
void WorkloadApi::HoldOpen(grpc::ServerContext* context) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_ && !context->IsCancelled()) changed_.wait_for(lock, std::chrono::milliseconds(100));
}

grpc::Status WorkloadApi::FetchX509SVID(grpc::ServerContext* context, const X509SVIDRequest*,
                                        grpc::ServerWriter<X509SVIDResponse>* out) {
  std::vector<std::string> identities;
  grpc::Status identified = Identify(context, &identities);
  if (!identified.ok()) return identified;
  X509SVIDResponse response;
  for (const std::string& identity : identities) {
    auto minted = authority_.Mint(identity);
    if (!minted.ok()) return {grpc::StatusCode::INTERNAL, std::string(minted.status().message())};
    X509SVID* svid = response.add_svids();
    svid->set_spiffe_id(identity);
    svid->set_x509_svid(minted->certificate);
    svid->set_x509_svid_key(minted->key);
    svid->set_bundle(authority_.bundle());
  }
  if (out->Write(response)) HoldOpen(context);
  return grpc::Status::OK;
}

grpc::Status WorkloadApi::FetchX509Bundles(grpc::ServerContext* context, const X509BundlesRequest*,
                                           grpc::ServerWriter<X509BundlesResponse>* out) {
  std::vector<std::string> identities;
  grpc::Status identified = Identify(context, &identities);
  if (!identified.ok()) return identified;
  X509BundlesResponse response;
  (*response.mutable_bundles())["spiffe://" + parts_.trust_domain] = authority_.bundle();
  if (out->Write(response)) HoldOpen(context);
  return grpc::Status::OK;
}

void WorkloadApi::Settle() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return deciding_ == 0; });
}

void WorkloadApi::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace belfry::demo
