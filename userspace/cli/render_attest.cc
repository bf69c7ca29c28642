#include "cli/render_attest.h"

#include "absl/strings/str_cat.h"
#include "cli/reason_words.h"

namespace belfry::cli {
namespace {

struct VerdictWords {
  std::string_view verdict;
  Colour colour;
  std::string_view meaning;
};
constexpr VerdictWords kVerdicts[] = {
    {"sound", Colour::kGreen, "Every live connection of this process to the guard is proof of who it is."},
    {"withheld", Colour::kRed, "It is not proven who is on the other end."},
    {"unavailable", Colour::kYellow, "The evidence is not ready: ask again."},
    {"not_ours", Colour::kNone, "The process has no connection to any guarded socket."},
};

const VerdictWords& WordsOf(std::string_view verdict) {
  static constexpr VerdictWords kUnknown = {"", Colour::kYellow, ""};
  for (const VerdictWords& words : kVerdicts) {
    if (words.verdict == verdict) return words;
  }
  return kUnknown;
}

// In observe and warn a verdict is only written down; without this line "withheld" would read as a refusal.
std::string_view Consequence(const v1::AttestAnswer& answer) {
  if (answer.verdict() != "withheld") return {};
  if (answer.mode() == "deny")
    return "The guard is in deny: the plugin answers PermissionDenied and the connection is cut.";
  return "The guard is not in deny: the plugin still answers as SPIRE's built-in would; this is only counted.";
}

}  // namespace

Colour VerdictColour(std::string_view verdict) { return WordsOf(verdict).colour; }

std::string VerdictLine(const v1::AttestAnswer& answer, const Screen& screen) {
  const std::string guard = answer.guard().empty() ? "no guard" : Plain(answer.guard());
  const std::string mode = answer.mode().empty() ? "" : absl::StrCat(" (", Plain(answer.mode()), ")");
  return absl::StrCat(guard, mode, ": ", screen.Paint(VerdictColour(answer.verdict()), Plain(answer.verdict())));
}

std::string ReasonParagraphs(const google::protobuf::RepeatedPtrField<std::string>& reasons, const Screen& screen,
                             size_t indent) {
  std::string text;
  for (const std::string& reason : reasons) {
    const ReasonWords& words = WordsFor(reason);
    absl::StrAppend(&text, std::string(indent, ' '), screen.Paint(Colour::kBold, Plain(reason)), "\n");
    text += Paragraph(words.meaning, screen, indent + 2);
    text += Paragraph(absl::StrCat("What to do: ", std::string(words.advice)), screen, indent + 2);
  }
  return text;
}

std::string RenderAttest(const v1::AttestAnswer& answer, const Screen& screen) {
  std::string text = absl::StrCat("pid ", answer.pid(), " on ", VerdictLine(answer, screen), "\n");
  const std::string_view meaning = WordsOf(answer.verdict()).meaning;
  if (!meaning.empty()) text += Paragraph(meaning, screen, 2);
  if (const std::string_view consequence = Consequence(answer); !consequence.empty()) {
    text += Paragraph(consequence, screen, 2);
  }
  if (answer.reasons_size() > 0) text += "\nbecause\n" + ReasonParagraphs(answer.reasons(), screen, 2);
  if (answer.selectors_size() > 0) text += "\nselectors\n";
  for (const std::string& selector : answer.selectors()) absl::StrAppend(&text, "  ", Plain(selector, 4096), "\n");
  if (!answer.absent().empty()) text += "\nleft out\n" + Paragraph(Plain(answer.absent()), screen, 2);
  if (!answer.message().empty())
    text += "\nwhat the agent's log would say\n" + Paragraph(Plain(answer.message()), screen, 2);
  return text;
}

}  // namespace belfry::cli
