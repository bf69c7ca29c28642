#include "plugin/decision.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kit/escape.h"

namespace belfry::plugin {
namespace {

constexpr size_t kMessageBytes = 512;

// The daemon has escaped it already; only a line that cannot be one is escaped again.
std::string MessageOf(const v1::JudgeReply& reply, int32_t pid) {
  const std::string& said = reply.message();
  if (said.empty()) {
    return kit::Escape(absl::StrCat("guard ", reply.guard(), ": pid ", pid, " is withheld: ",
                                    absl::StrJoin(reply.reasons(), ", "), "; see belfry explain ", pid),
                       kMessageBytes);
  }
  const bool one_line = said.find('\n') == std::string::npos && kit::IsValidUtf8(said) && said.size() <= kMessageBytes;
  return one_line ? said : kit::Escape(said, kMessageBytes);
}

std::string Reasons(const v1::JudgeReply& reply) {
  if (reply.outcome() == v1::OUTCOME_SOUND) return "";
  if (reply.reasons_size() > 0) return kit::Escape(absl::StrJoin(reply.reasons(), ","), kMessageBytes);
  return reply.outcome() == v1::OUTCOME_UNAVAILABLE ? "unavailable" : "unrecorded";
}

// What stands where nothing may be refused.
Decision Unrefused(Profile profile, std::string would_withhold) {
  return {profile == Profile::kUnix ? Decision::kBuiltin : Decision::kSilence, absl::OkStatus(),
          std::move(would_withhold)};
}

}  // namespace

Decision Decide(Profile profile, verdict::Mode mode, int32_t pid, const v1::JudgeReply& reply) {
  const bool withheld = reply.outcome() == v1::OUTCOME_WITHHELD || reply.outcome() == v1::OUTCOME_NOT_OURS;
  const bool sound = reply.outcome() == v1::OUTCOME_SOUND && reply.has_evidence();
  if (mode != verdict::Mode::kDeny && profile == Profile::kUnix) return Unrefused(profile, Reasons(reply));
  if (sound) return {Decision::kSelectors, absl::OkStatus(), ""};
  if (!withheld) return {Decision::kRefuse, absl::UnavailableError(MessageOf(reply, pid)), ""};
  if (mode != verdict::Mode::kDeny) return Unrefused(profile, Reasons(reply));
  return {Decision::kRefuse, absl::PermissionDeniedError(MessageOf(reply, pid)), ""};
}

Decision DecideAlone(Profile profile, verdict::Mode mode, const absl::Status& why) {
  if (mode != verdict::Mode::kDeny && profile == Profile::kUnix) return Unrefused(profile, "");
  return {Decision::kRefuse, absl::UnavailableError(why.message()), ""};
}

Decision DecideOwn(Profile profile, verdict::Mode mode) {
  if (mode != verdict::Mode::kDeny) return Unrefused(profile, "");
  return {Decision::kSilence, absl::OkStatus(), ""};
}

Decision DecideNobody(Profile profile, verdict::Mode mode, int32_t pid) {
  if (mode != verdict::Mode::kDeny) return Unrefused(profile, "no_such_process");
  return {Decision::kRefuse, absl::PermissionDeniedError(absl::StrCat("pid ", pid, " is withheld: no_such_process")),
          ""};
}

}  // namespace belfry::plugin
