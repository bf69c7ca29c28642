#include "cli/render_policy.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/columns.h"

namespace belfry::cli {
namespace {

std::string AnswerText(const v1::PolicyReply& reply) {
  if (reply.answer() == "own") return "allowed: it serves this guard";
  if (reply.answer() == "no_rules") return "allowed: the guard has no allow, everyone may connect";
  if (reply.answer() == "allowed") return "allowed";
  return absl::StrCat("not allowed: ", reply.says() == "deny" ? "its connection is refused or cut"
                                                              : absl::StrCat("mode ", Plain(reply.says()), " only tells"));
}

std::string RuleText(const v1::PolicyReply& reply) {
  if (reply.rule().empty()) return reply.answer() == "not_allowed" ? "There is no rule: nobody but the listener may connect." : "";
  const std::string rule = absl::StrCat("rule ", Plain(reply.rule()), " (line ", reply.line(), ")");
  if (!reply.fits()) return absl::StrCat("No rule fits. Nearest is ", rule, ":");
  return absl::StrCat("The first that fits is ", rule, ":");
}

}  // namespace

std::string RenderPolicy(const v1::PolicyReply& reply, const Screen& screen) {
  const bool allowed = reply.answer() != "not_allowed";
  std::string text = absl::StrCat("pid ", reply.pid(), " on guard ", Plain(reply.guard()), " (", Plain(reply.mode()), "): ",
                                  screen.Paint(allowed ? Colour::kGreen : Colour::kRed, AnswerText(reply)), "\n");
  if (const std::string rule = RuleText(reply); !rule.empty()) text += Paragraph(rule, screen, 0);
  std::vector<std::vector<std::string>> rows;
  for (const v1::FieldStory& field : reply.fields())
    rows.push_back({Plain(field.field()), field.holds() ? "holds" : "fails",
                    (field.excluded() ? "not " : "") + Plain(field.asked()), Plain(field.found())});
  return rows.empty() ? text : text + Table({{"FIELD"}, {""}, {"ASKED"}, {"FOUND"}}, rows, screen);
}

}  // namespace belfry::cli
