#include "demo/story.h"

#include <algorithm>

#include "kit/escape.h"

namespace belfry::demo {
namespace {

constexpr int kGap = 2;
constexpr int kNarrowest = 48;

enum class Tone { kPlain, kBold, kGood, kBad, kDim };

std::string Toned(const std::string& text, Tone tone, const Look& look) {
  static constexpr const char* kCodes[] = {"0", "1", "32", "31", "2"};
  if (!look.color || tone == Tone::kPlain) return text;
  return std::string("\x1b[") + kCodes[static_cast<int>(tone)] + "m" + text + "\x1b[0m";
}

// At blanks where there are any, else in the middle of a word: paths are long.
std::vector<std::string> Wrapped(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (rest.size() > width) {
    size_t cut = rest.rfind(' ', width);
    if (cut == std::string::npos || cut == 0) cut = width;
    lines.push_back(rest.substr(0, cut));
    rest = rest.substr(cut + (rest[cut] == ' ' ? 1 : 0));
  }
  lines.push_back(rest);
  return lines;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : ", ") + word;
  return line;
}

// Long digests and the demo's own folder say nothing to a reader.
std::string Short(const std::string& path) {
  const size_t bin = path.rfind("/bin/");
  const bool ours = path.find("/belfry-demo.") != std::string::npos && bin != std::string::npos;
  return kit::Escape(ours ? ".../bin/" + path.substr(bin + 5) : path, 120);
}

std::vector<std::string> ProcColumn(const Request& request) {
  const ProcSays& proc = request.proc;
  std::vector<std::string> lines{"path " + (proc.path.empty() ? "cannot be read" : Short(proc.path)),
                                 "sha256 " + (proc.sha256.empty() ? "cannot be read" : proc.sha256.substr(0, 12) + "...")};
  const std::string stock = proc.really ? "=> stock SPIRE issued " : "=> stock SPIRE would issue ";
  lines.push_back(stock + (proc.would_issue ? proc.identity : "nothing: " + kit::Escape(proc.why_not, 160)));
  return lines;
}

std::vector<std::string> BelfryColumn(const Request& request) {
  std::vector<std::string> lines{request.verdict};
  if (!request.reasons.empty()) lines.push_back("because " + Joined(request.reasons));
  if (!request.noted.empty()) lines.push_back("noted: " + Joined(request.noted));
  if (!request.absent.empty()) lines.push_back("not said: " + kit::Escape(request.absent, 160));
  if (request.cut_first) lines.push_back("cut before it could ask");
  if (request.verdict != "sound" && request.reasons.empty()) lines.push_back(kit::Escape(request.message, 160));
  return lines;
}

std::vector<std::string> IdentityColumn(const Request& request) {
  return {request.who, request.identity.empty() ? "got nothing" : "got " + request.identity};
}

std::string Mark(const SceneResult& result, const Look& look) {
  if (!result.skipped.empty()) return Toned("skipped", Tone::kDim, look);
  return result.ok ? Toned("ok", Tone::kGood, look) : Toned("NOT OK", Tone::kBad, look);
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

// One row of the last table: what stock SPIRE would have done, what Belfry did.
std::string Row(const SceneResult& result, const Look& look) {
  std::string stock = "-", belfry = "-";
  if (!result.requests.empty()) {
    const Request& last = result.requests.back();
    stock = last.proc.would_issue ? "issues" : "nothing";
    belfry = last.verdict + (last.identity.empty() ? ", nothing" : ", issued");
  }
  return "  " + Padded(result.name, 18) + Padded(stock, 14) + Padded(belfry, 22) + Mark(result, look) + "\n";
}

}  // namespace

std::string Columns(const std::vector<std::vector<std::string>>& texts, int width) {
  const int count = static_cast<int>(texts.size());
  const size_t share = std::max(1, (std::max(width, kNarrowest) - kGap * count) / count);
  std::vector<std::vector<std::string>> columns;
  size_t rows = 0;
  for (const auto& text : texts) {
    std::vector<std::string> lines;
    for (const std::string& line : text) {
      for (std::string& piece : Wrapped(line, share)) lines.push_back(std::move(piece));
    }
    rows = std::max(rows, lines.size());
    columns.push_back(std::move(lines));
  }
  std::string out;
  for (size_t row = 0; row < rows; ++row) {
    std::string line;
    for (const auto& column : columns) {
      line += std::string(kGap, ' ') + Padded(row < column.size() ? column[row] : "", share);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string TellScene(const SceneResult& result, int number, int of, const Look& look) {
  std::string out = "\n" + Toned(std::to_string(number) + "/" + std::to_string(of) + "  " + result.name, Tone::kBold,
                                 look) + "\n";
  for (const std::string& line : Wrapped(result.title, std::max(look.width, kNarrowest) - 2)) out += "  " + line + "\n";
  if (!result.skipped.empty()) return out + "  " + Mark(result, look) + ": " + kit::Escape(result.skipped) + "\n";
  out += "\n" + Columns({{"WHAT /proc SAYS"}, {"WHAT BELFRY SAYS"}, {"WHO GOT WHAT"}}, look.width);
  for (const Request& request : result.requests) {
    out += Columns({ProcColumn(request), BelfryColumn(request), IdentityColumn(request)}, look.width);
  }
  for (const std::string& note : result.notes) out += "  (" + note + ")\n";
  out += "  " + Mark(result, look);
  if (!result.ok) out += ": " + kit::Escape(Differs(result), 400);
  return out + "\n";
}

std::string TellAll(const std::vector<SceneResult>& results, const std::string& backend, const Look& look) {
  std::string out = "\n  " + Padded("SCENE", 18) + Padded("STOCK SPIRE", 14) + Padded("BELFRY", 22) + "\n";
  size_t ok = 0, skipped = 0;
  for (const SceneResult& result : results) {
    out += Row(result, look);
    ok += result.ok;
    skipped += !result.skipped.empty();
  }
  const size_t bad = results.size() - ok - skipped;
  out += "\n" + std::to_string(ok) + " of " + std::to_string(results.size() - skipped) + " scenes ended as backend \"" +
         kit::Escape(backend) + "\" promises";
  if (skipped) out += ", " + std::to_string(skipped) + " skipped";
  if (bad) out += ", " + std::to_string(bad) + " did NOT";
  return out + ".\n";
}

}  // namespace belfry::demo
