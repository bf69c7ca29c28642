// SPIRE's WorkloadAttestor: asks belfryd about a process number and answers the agent as decided.
//
// Callback service of gRPC: nothing blocks, no thread waits for an answer, every call is answered exactly once.
#ifndef BELFRY_PLUGIN_ATTESTOR_H_
#define BELFRY_PLUGIN_ATTESTOR_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kit/folding.h"
#include "plugin/builtin.h"
#include "plugin/decision.h"
#include "plugin/hclog.h"
#include "plugin/local_answers.h"
#include "plugin/settings.h"
#include "spire/workloadattestor.grpc.pb.h"

namespace belfry::plugin {

class Attestor final : public spire::plugin::agent::workloadattestor::v1::WorkloadAttestor::CallbackService {
 public:
  // `settings` and `log` must outlive it. `agent`: the host's own process number.
  Attestor(Settings& settings, Names names, pid_t agent, Hclog& log);

  grpc::ServerUnaryReactor* Attest(grpc::CallbackServerContext* context,
                                   const spire::plugin::agent::workloadattestor::v1::AttestRequest* request,
                                   spire::plugin::agent::workloadattestor::v1::AttestResponse* reply) override;
  grpc::ServerUnaryReactor* AttestReference(
      grpc::CallbackServerContext* context,
      const spire::plugin::agent::workloadattestor::v1::AttestReferenceRequest* request,
      spire::plugin::agent::workloadattestor::v1::AttestReferenceResponse* reply) override;

 private:
  using Answer = LocalAnswers::Answer;
  using InForce = std::shared_ptr<const Settings::InForce>;

  void AskDaemon(const InForce& in_force, int32_t pid, bool reference, Answer answer);
  void Tell(const InForce& in_force, int32_t pid, const Decision& decision, const v1::JudgeReply& reply,
            const Answer& answer);
  void Log(LogLevel level, absl::string_view what, int32_t pid, const std::string& reason, const std::string& detail);

  Settings& settings_;
  const Names names_;
  const pid_t agent_;
  Hclog& log_;
  kit::Folding folding_;
  LocalAnswers local_;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_ATTESTOR_H_
