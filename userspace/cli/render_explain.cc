#include "cli/render_explain.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/render_attest.h"

namespace belfry::cli {
namespace {

constexpr size_t kLabel = 14;  // columns of "  how known   "

struct KnownWords {
  std::string_view how, words;
};
constexpr KnownWords kHowKnown[] = {
    {"exec", "the kernel told Belfry the moment it executed this program"},
    {"connect", "the kernel told Belfry the moment it connected"},
    {"backfilled",
     "it is older than Belfry's watch: it was found running and read afterwards, so what it executed and with which "
     "environment is not proven"},
};

std::string HowKnown(const std::string& how) {
  for (const KnownWords& known : kHowKnown) {
    if (known.how == how) return std::string(known.words);
  }
  return Plain(how);
}

std::string Row(const char* label, std::string_view text, const Screen& screen) {
  std::string head = absl::StrCat("  ", label);
  head.resize(kLabel, ' ');
  return head + Wrap(text, screen.width, kLabel) + "\n";
}

std::string PlainList(const google::protobuf::RepeatedPtrField<std::string>& items, const char* between) {
  std::vector<std::string> words;
  for (const std::string& item : items) words.push_back(Plain(item));
  return Joined(words, between);
}

std::string RenderProcess(const v1::ExplainReply& reply, const Screen& screen, uint64_t now_ns) {
  const v1::ProcessStory& process = reply.process();
  const std::string path = process.path().empty() ? process.filename() : process.path();
  std::string text = screen.Paint(Colour::kBold, absl::StrCat("pid ", reply.pid(), ", ", Plain(process.comm()))) + "\n";
  text += Row("runs", path.empty() ? "unknown" : Plain(path), screen);
  if (!process.image().empty())
    text += Row("image", absl::StrCat(Plain(process.image()), " (device:inode:generation)"), screen);
  if (!process.filename().empty() && process.filename() != path)
    text += Row("started as", Plain(process.filename()), screen);
  if (process.argv_size() > 0) text += Row("arguments", PlainList(process.argv(), " "), screen);
  text += Row("user", absl::StrCat("uid ", process.uid(), ", gid ", process.gid()), screen);
  text += Row("since",
              absl::StrCat("process started ", Ago(process.started_ns(), now_ns), ", this program ",
                           Ago(process.exec_ns(), now_ns), " (exec number ", process.exec_id(), ")"),
              screen);
  if (!process.how_known().empty()) text += Row("how known", HowKnown(process.how_known()), screen);
  if (process.place_size() > 0) text += Row("where", PlainList(process.place(), ", "), screen);
  if (process.ancestry_size() > 0) text += Row("came from", PlainList(process.ancestry(), " <- "), screen);
  if (process.taints_size() > 0) {
    text += "\n" + screen.Paint(Colour::kYellow, "What is known against the program itself") + "\n" +
            ReasonParagraphs(process.taints(), screen, 2);
  }
  return text;
}

std::string RenderConnection(const v1::ConnectionStory& connection, const Screen& screen, uint64_t now_ns) {
  std::string text =
      Paragraph(absl::StrCat("to ", Plain(connection.guard()), ", opened ", Ago(connection.since_ns(), now_ns),
                             connection.alive() ? "" : ", gone since", "; ", HowKnown(connection.how_known())),
                screen, 2);
  for (const std::string& holder : connection.holders()) absl::StrAppend(&text, "    held by ", Plain(holder), "\n");
  if (connection.taints_size() == 0) return text + "    nothing is known against it\n";
  return text + ReasonParagraphs(connection.taints(), screen, 4);
}

}  // namespace

std::string RenderExplain(const v1::ExplainReply& reply, const Screen& screen, uint64_t now_ns) {
  if (!reply.known()) {
    return absl::StrCat("pid ", reply.pid(), ": no living process of that number is known\n");
  }
  std::string text = RenderProcess(reply, screen, now_ns) + "\n";
  text += screen.Paint(Colour::kBold, reply.connections_size() == 0
                                          ? std::string("No connection to a guarded socket")
                                          : Counted(reply.connections_size(), "connection") + " to guarded sockets") +
          "\n";
  for (const v1::ConnectionStory& connection : reply.connections())
    text += RenderConnection(connection, screen, now_ns);
  if (reply.answers_size() > 0)
    text += "\n" + screen.Paint(Colour::kBold, "What the guard's plugin would answer") + "\n";
  for (const v1::AttestAnswer& answer : reply.answers()) {
    const std::string why =
        answer.reasons_size() == 0 ? "" : absl::StrCat(" (", PlainList(answer.reasons(), ", "), ")");
    text += Paragraph(VerdictLine(answer, screen) + why, screen, 2);
  }
  return text;
}

}  // namespace belfry::cli
