#include "cli/agent_conf.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace belfry::cli {
namespace {

// One token: a word, a string's value, or one of { } = [ ] ,
struct Token {
  enum Kind { kEnd, kWord, kString, kSign } kind = kEnd;
  std::string text;
};

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  Token Next() {
    SkipBlanks();
    if (text_.empty()) return {};
    if (text_[0] == '"') return String();
    if (text_.starts_with("<<")) return Heredoc();
    if (IsWord(text_[0])) return Word();
    Token sign{Token::kSign, std::string(1, text_[0])};
    text_.remove_prefix(1);
    return sign;
  }

 private:
  static bool IsWord(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.'; }

  void Drop(std::string_view until) { text_.remove_prefix(std::min(text_.find(until), text_.size())); }

  void SkipBlanks() {
    while (!text_.empty()) {
      if (isspace(static_cast<unsigned char>(text_[0]))) {
        text_.remove_prefix(1);
      } else if (text_[0] == '#' || text_.starts_with("//")) {
        Drop("\n");
      } else if (text_.starts_with("/*")) {
        Drop("*/");
        text_.remove_prefix(std::min<size_t>(2, text_.size()));
      } else {
        return;
      }
    }
  }
  Token String() {
    Token token{Token::kString, {}};
    size_t i = 1;
    for (; i < text_.size() && text_[i] != '"' && text_[i] != '\n'; ++i) {
      if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
      token.text += text_[i];
    }
    text_.remove_prefix(std::min(i + 1, text_.size()));
    return token;
  }
  Token Word() {
    size_t end = 0;
    while (end < text_.size() && IsWord(text_[end])) ++end;
    Token token{Token::kWord, std::string(text_.substr(0, end))};
    text_.remove_prefix(end);
    return token;
  }
  Token Heredoc() {
    text_.remove_prefix(text_.starts_with("<<-") ? 3 : 2);
    const std::string end = Word().text;
    Drop("\n" + end);
    text_.remove_prefix(std::min(end.size() + 1, text_.size()));
    return {Token::kString, {}};
  }

  std::string_view text_;
};

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return tolower(c); });
  return text;
}

// One open block: the words before its brace, lower case except the label.
using Path = std::vector<std::vector<std::string>>;

void Note(const Path& path, const std::string& key, const std::string& value, AgentConf& conf) {
  if (path.size() == 1 && path[0][0] == "agent") {
    if (key == "socket_path") conf.socket_path = value;
    if (key == "admin_socket_path") conf.admin_socket_path = value;
  }
  const bool in_attestor = path.size() == 2 && path[0][0] == "plugins" && path[1][0] == "workloadattestor";
  if (!in_attestor || conf.attestors.empty()) return;
  if (key == "plugin_cmd") conf.attestors.back().plugin_cmd = value;
  if (key == "plugin_checksum") conf.attestors.back().plugin_checksum = value;
}

}  // namespace

AgentConf ReadAgentConf(std::string_view text) {
  AgentConf conf;
  Path path;
  std::vector<std::string> words;  // since the last brace or value
  Tokens tokens(text);
  for (Token token = tokens.Next(); token.kind != Token::kEnd; token = tokens.Next()) {
    if (token.kind != Token::kSign) {
      words.push_back(words.empty() ? Lower(token.text) : token.text);
    } else if (token.text == "{") {
      if (words.empty()) words.emplace_back();
      const bool attestor = path.size() == 1 && path[0][0] == "plugins" && words[0] == "workloadattestor";
      if (attestor) conf.attestors.push_back({.name = words.size() > 1 ? words[1] : ""});
      path.push_back(std::exchange(words, {}));
    } else if (token.text == "}") {
      if (!path.empty()) path.pop_back();
      words.clear();
    } else if (token.text == "=" && words.size() == 1) {
      token = tokens.Next();
      if (token.kind == Token::kSign && token.text == "{") {  // plugin_data = { ... }
        path.push_back(std::exchange(words, {}));
        continue;
      }
      if (token.kind == Token::kString || token.kind == Token::kWord) Note(path, words[0], token.text, conf);
      words.clear();
    } else {
      words.clear();  // part of a list
    }
  }
  return conf;
}

}  // namespace belfry::cli
