#include "house/tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace belfry::house {
namespace {

namespace fs = std::filesystem;

bool IsLeftOut(const std::string& path) {
  static const std::set<std::string> names = {"build", ".git", "__pycache__", ".cache"};
  const std::string name = fs::path(path).filename();
  return names.count(name) > 0 || HasPrefix(name, "vmlinux") || name == "go.sum" || name == "LICENSE" ||
         HasPrefix(path, "tests/streams/") || HasSuffix(name, ".swp");
}

bool IsText(const std::string& bytes) { return bytes.find('\0') == std::string::npos; }

}  // namespace

bool HasSuffix(std::string_view text, std::string_view suffix) { return text.ends_with(suffix); }
bool HasPrefix(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }
bool IsCpp(std::string_view path) { return HasSuffix(path, ".h") || HasSuffix(path, ".cc") || HasSuffix(path, ".c"); }

Tree ReadTree(const std::string& root) {
  Tree tree;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const std::string path = fs::relative(it->path(), root);
    if (IsLeftOut(path)) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (it->is_directory()) {
      if (!fs::is_empty(it->path())) tree.folders.push_back(path);
      continue;
    }
    if (!it->is_regular_file()) continue;
    std::ifstream in(it->path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    if (IsText(bytes.str())) tree.files[path] = bytes.str();
  }
  std::sort(tree.folders.begin(), tree.folders.end());
  return tree;
}

std::string RoomOf(std::string_view path) {
  constexpr std::string_view kRooms = "userspace/";
  if (!HasPrefix(path, kRooms)) return "";
  path.remove_prefix(kRooms.size());
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

int CountLines(std::string_view text) { return static_cast<int>(Lines(text).size()); }

namespace {

// Walks C++ text once; each method consumes one lexical element from `at` on.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text), code_{std::string(text), {}} {}

  Code Split() {
    while (at_ < text_.size()) {
      if (Starts("//")) {
        BlankTo(std::min(text_.find('\n', at_), text_.size()));
      } else if (Starts("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        BlankTo(end == std::string_view::npos ? text_.size() : end + 2);
      } else if (Starts("R\"")) {
        TakeRawLiteral();
      } else if (text_[at_] == '"') {
        TakeLiteral();
      } else if (text_[at_] == '\'' && !InNumber()) {
        BlankTo(std::min(EndOfQuoted('\'') + 1, text_.size()));
      } else {
        ++at_;
      }
    }
    return std::move(code_);
  }

 private:
  bool Starts(std::string_view token) const { return text_.substr(at_).starts_with(token); }
  bool InNumber() const { return at_ > 0 && std::isalnum(static_cast<unsigned char>(text_[at_ - 1])); }

  void BlankTo(size_t end) {
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') code_.text[at_] = ' ';
    }
  }

  size_t EndOfQuoted(char quote) const {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    return std::min(end, text_.size());
  }

  void TakeLiteral() {
    const size_t end = EndOfQuoted('"');
    // An #include keeps its name: rules read it from the code.
    const size_t line = text_.rfind('\n', at_) + 1;
    const bool include = text_.substr(line, at_ - line).find("#include") != std::string_view::npos;
    if (include) {
      at_ = end + 1;
      return;
    }
    code_.literals.emplace_back(text_.substr(at_ + 1, end - at_ - 1));
    BlankTo(std::min(end + 1, text_.size()));
  }

  void TakeRawLiteral() {
    const size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return BlankTo(text_.size());
    const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    const size_t end = std::min(text_.find(close, open), text_.size());
    code_.literals.emplace_back(text_.substr(open + 1, end - open - 1));
    BlankTo(std::min(end + close.size(), text_.size()));
  }

  std::string_view text_;
  Code code_;
  size_t at_ = 0;
};

}  // namespace

Code SplitCode(std::string_view text) { return Splitter(text).Split(); }

}  // namespace belfry::house
