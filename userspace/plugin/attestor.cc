#include "plugin/attestor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "plugin/status.h"
#include "spire/broker_reference.pb.h"

namespace belfry::plugin {

namespace attestor = spire::plugin::agent::workloadattestor::v1;

namespace {

constexpr int32_t kNobody = 0;

verdict::Evidence EvidenceOf(const v1::Evidence& said) {
  verdict::Evidence evidence{.uid = said.uid(), .gid = said.gid()};
  evidence.supplementary_gids.assign(said.supplementary_gids().begin(), said.supplementary_gids().end());
  if (said.has_path()) evidence.path = said.path();
  if (said.has_sha256()) evidence.sha256 = said.sha256();
  if (said.has_exe()) evidence.exe = said.exe();
  evidence.preload_none = said.preload_none();
  evidence.traced_no = said.traced_no();
  evidence.facts.assign(said.facts().begin(), said.facts().end());
  evidence.provenance = said.provenance();
  evidence.backend = said.backend();
  return evidence;
}

v1::JudgeRequest QuestionAbout(int32_t pid, const Configuration& configuration, bool reference) {
  const bool path = configuration.discover_workload_path || configuration.profile == Profile::kBelfry;
  v1::JudgeRequest question;
  question.set_pid(pid);
  question.set_want_path(path);
  question.set_want_sha256(path && configuration.workload_size_limit >= 0);
  question.set_size_limit(std::max<int64_t>(configuration.workload_size_limit, 0));
  question.set_reference(reference);
  question.set_want_facts(configuration.profile == Profile::kBelfry);
  return question;
}

// Fills in the reply and finishes the call; either lives until Finish.
template <typename Reply>
LocalAnswers::Answer Finisher(grpc::ServerUnaryReactor* reactor, Reply* reply) {
  return [reactor, reply](LocalAnswers::Values values) {
    if (values.ok()) {
      for (std::string& value : *values) reply->add_selector_values(std::move(value));
    }
    reactor->Finish(ToGrpc(values.status()));
  };
}

absl::Status NotConfigured() { return absl::FailedPreconditionError("not configured"); }

// nullopt: a reference that is not answered.
std::optional<int32_t> PidOf(const google::protobuf::Any& reference) {
  spiffe::broker::WorkloadPIDReference pid;
  if (!reference.Is<spiffe::broker::WorkloadPIDReference>() || !reference.UnpackTo(&pid)) return std::nullopt;
  return pid.pid();
}

}  // namespace

Attestor::Attestor(Settings& settings, Names names, pid_t agent, Hclog& log)
    : settings_(settings), names_(std::move(names)), agent_(agent), log_(log) {}

grpc::ServerUnaryReactor* Attestor::Attest(grpc::CallbackServerContext* context, const attestor::AttestRequest* request,
                                           attestor::AttestResponse* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  Answer answer = Finisher(reactor, reply);
  const int32_t pid = request->pid();
  const InForce in_force = settings_.Current();
  if (!in_force) {
    answer(NotConfigured());
  } else if (pid <= kNobody || pid == agent_) {
    const Profile profile = in_force->configuration.profile;
    const verdict::Mode mode = settings_.Mode(in_force->configuration);
    Tell(in_force, pid, pid == agent_ ? DecideOwn(profile, mode) : DecideNobody(profile, mode, pid), {}, answer);
  } else {
    AskDaemon(in_force, pid, /*reference=*/false, std::move(answer));
  }
  return reactor;
}

grpc::ServerUnaryReactor* Attestor::AttestReference(grpc::CallbackServerContext* context,
                                                    const attestor::AttestReferenceRequest* request,
                                                    attestor::AttestReferenceResponse* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  Answer answer = Finisher(reactor, reply);
  const InForce in_force = settings_.Current();
  const std::optional<int32_t> pid = PidOf(request->reference());
  if (!in_force) {
    answer(NotConfigured());
  } else if (in_force->configuration.profile == Profile::kUnix || !pid) {
    answer(absl::UnimplementedError("AttestReference: this kind of reference is not answered here"));
  } else if (*pid <= kNobody) {
    Tell(in_force, *pid, DecideNobody(Profile::kBelfry, settings_.Mode(in_force->configuration), *pid), {}, answer);
  } else {
    AskDaemon(in_force, *pid, /*reference=*/true, std::move(answer));
  }
  return reactor;
}

void Attestor::AskDaemon(const InForce& in_force, int32_t pid, bool reference, Answer answer) {
  const Configuration& configuration = in_force->configuration;
  in_force->daemon->Judge(
      QuestionAbout(pid, configuration, reference),
      [this, in_force, pid, reference, answer = std::move(answer)](absl::StatusOr<v1::JudgeReply> reply) {
        const Configuration& configuration = in_force->configuration;
        if (!reply.ok()) {
          Log(LogLevel::kError, "no answer from belfryd", 0, "no_answer", std::string(reply.status().message()));
          const verdict::Mode mode = settings_.Mode(configuration);
          Tell(in_force, pid, DecideAlone(configuration.profile, mode, reply.status()), {}, answer);
          return;
        }
        const std::optional<verdict::Mode> told = ModeOf(reply->mode());
        if (told) settings_.HearMode(*told);
        if (reference) reply->mutable_evidence()->set_provenance("exec");
        const verdict::Mode mode = told.value_or(settings_.Mode(configuration));
        Tell(in_force, pid, Decide(configuration.profile, mode, pid, *reply), *reply, answer);
      });
}

void Attestor::Tell(const InForce& in_force, int32_t pid, const Decision& decision, const v1::JudgeReply& reply,
                    const Answer& answer) {
  const Configuration& configuration = in_force->configuration;
  if (!decision.would_withhold.empty()) {
    Log(LogLevel::kWarn, "would withhold in deny", pid, decision.would_withhold, reply.message());
  }
  switch (decision.kind) {
    case Decision::kSilence:
      answer(std::vector<std::string>{});
      return;
    case Decision::kRefuse:
      if (decision.refusal.code() == absl::StatusCode::kPermissionDenied) {
        std::string reasons;
        for (const std::string& reason : reply.reasons()) absl::StrAppend(&reasons, reasons.empty() ? "" : ",", reason);
        Log(LogLevel::kWarn, "withheld", pid, reasons, std::string(decision.refusal.message()));
      }
      answer(decision.refusal);
      return;
    case Decision::kBuiltin:
      if (!configuration.discover_workload_path) {
        answer(AnswerAsBuiltin(pid, configuration, names_, [] { return true; }));
        return;
      }
      local_.Compute(
          OwnerOf(pid),
          [this, in_force, pid](const std::function<bool()>& wanted) {
            return AnswerAsBuiltin(pid, in_force->configuration, names_, wanted);
          },
          answer);
      return;
    case Decision::kSelectors: {
      const verdict::Evidence evidence = EvidenceOf(reply.evidence());
      answer(configuration.profile == Profile::kUnix ? verdict::UnixSelectors(evidence, names_.user, names_.group)
                                                     : verdict::BelfrySelectors(evidence, names_.user, names_.group));
      if (!reply.absent().empty()) Log(LogLevel::kInfo, "selectors are absent", pid, reply.absent(), "");
      return;
    }
  }
}

void Attestor::Log(LogLevel level, absl::string_view what, int32_t pid, const std::string& reason,
                   const std::string& detail) {
  const std::optional<uint64_t> unsaid = folding_.Say(absl::StrCat(pid, " ", what, "/", reason), kit::Folding::Clock::now());
  if (!unsaid) return;
  LogFields fields;
  if (pid != 0) fields.emplace_back("pid", std::to_string(pid));
  if (!reason.empty()) fields.emplace_back("reason", reason);
  if (!detail.empty()) fields.emplace_back("detail", detail);
  if (*unsaid > 0) fields.emplace_back("repeated", std::to_string(*unsaid));
  log_.Write(level, what, fields);
}

}  // namespace belfry::plugin
