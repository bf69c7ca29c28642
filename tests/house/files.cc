#include <algorithm>
#include <cctype>
#include <regex>

#include "house/rules.h"

namespace belfry::house {
namespace {

constexpr int kLineLimit = 400;

bool IsSource(const std::string& path) {
  static const std::regex source(".*(\\.(h|cc|c|go|py|sh|cmake|proto|table)|CMakeLists\\.txt|/run)");
  return std::regex_match(path, source);
}

bool IsRoomHeader(const std::string& path) { return !RoomOf(path).empty() && HasSuffix(path, ".h"); }

// Text of the comment a file opens with, its SPDX line included; empty if it opens with something else.
std::string OpeningComment(const std::string& text) {
  std::string comment;
  bool inside = false;
  for (const std::string& line : Lines(text)) {
    const bool opens = HasPrefix(line, "/*");
    if (!inside && !opens && !HasPrefix(line, "//")) break;
    comment += line + "\n";
    if (opens) inside = true;
    if (inside && line.find("*/") != std::string::npos) inside = false;
  }
  return comment;
}

// The hooks a BPF file has programs on: the section names that name a kernel event.
std::vector<std::string> HooksOf(const std::string& text) {
  static const std::regex section("SEC\\(\"[?]?([^\"]+)\"\\)");
  std::vector<std::string> hooks;
  for (std::sregex_iterator it(text.begin(), text.end(), section), end; it != end; ++it) {
    const std::string name = (*it)[1];
    if (name == "license" || HasPrefix(name, ".")) continue;
    hooks.push_back(name);
  }
  return hooks;
}

// "tp_btf/sched_process_exec" may be written in full or by the event alone.
bool Names(const std::string& comment, const std::string& hook) {
  const std::string event = hook.substr(hook.rfind('/') + 1);
  return comment.find(hook) != std::string::npos || comment.find(event) != std::string::npos;
}

}  // namespace

Violations NoFileAboveLimit(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    const int lines = CountLines(text);
    if (IsSource(path) && lines > kLineLimit) {
      found.push_back(path + ": " + std::to_string(lines) + " lines; one question per file, 400 lines at most");
    }
  }
  return found;
}

Sizes MeasureSources(const Tree& tree) {
  Sizes sizes;
  for (const auto& [path, text] : tree.files) {
    if (!IsSource(path)) continue;
    const int lines = CountLines(text);
    ++sizes.files;
    sizes.under_100 += lines < 100;
    sizes.above_250 += lines > 250;
  }
  return sizes;
}

Violations HeadersAreGuarded(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    if (!IsRoomHeader(path)) continue;
    std::string guard = "BELFRY_" + path.substr(std::string("userspace/").size()) + "_";
    for (char& c : guard) c = std::isalnum(static_cast<unsigned char>(c)) ? std::toupper(c) : '_';
    if (text.find("#ifndef " + guard + "\n#define " + guard + "\n") == std::string::npos) {
      found.push_back(path + ": not guarded by " + guard);
    }
  }
  return found;
}

Violations HeadersSayWhatFor(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    if (IsRoomHeader(path) && OpeningComment(text).size() < 20) {
      found.push_back(path + ": opens without a comment; say what it is for, its units, errors and thread-safety");
    }
  }
  return found;
}

Violations BpfFilesOpenWithHooks(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    if (!HasPrefix(path, "bpf/") || !HasSuffix(path, ".bpf.c")) continue;
    const std::string comment = OpeningComment(text);
    static const std::regex sentence("[A-Z][^\\n]*[^\\n]");
    if (!std::regex_search(comment, sentence)) found.push_back(path + ": opens without a sentence");
    for (const std::string& hook : HooksOf(text)) {
      if (!Names(comment, hook)) found.push_back(path + ": its opening does not name the hook " + hook);
    }
  }
  return found;
}

Violations KernelSideIsDualLicensed(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    const bool kernel_side = HasPrefix(path, "include/belfry/") || (HasPrefix(path, "bpf/") && IsCpp(path));
    const std::string first = text.substr(0, text.find('\n'));
    if (kernel_side && first.find("SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause") == std::string::npos) {
      found.push_back(path + ": first line is not SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause");
    }
  }
  return found;
}

}  // namespace belfry::house
