#include "engine/config.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/config_schema.h"
#include "engine/yaml_reader.h"
#include "kit/error.h"

namespace belfry::engine {

std::string PlainName(const std::string& path) {
  return path.starts_with('@') ? path : std::filesystem::path(path).lexically_normal().string();
}

namespace {

// Names are keys of replies, logs and files: two guards of one name, or two guards of one socket, cannot be told apart.
void CheckUnique(YamlReader& reader, const Draft& draft) {
  std::map<std::string, std::string> names, sockets;
  for (const GuardDraft& guard : draft.guards) {
    const std::string& name = guard.config.policy.name;
    if (!name.empty() && !names.emplace(name, name).second)
      reader.Wrong(guard.name_node, absl::StrCat("guard \"", name, "\" a second time"), "each name once");
    for (const auto& [socket, node] : guard.sockets) {
      const auto [first, is_new] = sockets.emplace(PlainName(socket.path), name);
      if (!is_new)
        reader.Wrong(node, absl::StrCat("\"", first->first, "\", which guard \"", first->second, "\" already has"),
                     "each socket once");
    }
  }
  // Metrics would take the place of the service while that is down.
  if (!draft.config.metrics || draft.config.metrics->path.empty()) return;
  if (const auto guard = sockets.find(PlainName(draft.config.metrics->path)); guard != sockets.end())
    reader.Wrong(draft.metrics_node, absl::StrCat("\"", guard->first, "\", which guard \"", guard->second, "\" has"),
                 "a socket of its own");
}

absl::Status Refused(const YamlReader& reader) {
  std::string lines = absl::StrJoin(reader.mistakes(), "\n");
  if (reader.more_mistakes() > 0) absl::StrAppend(&lines, "\n", reader.more_mistakes(), " more mistakes");
  return absl::InvalidArgumentError(lines);
}

}  // namespace

absl::StatusOr<Config> ParseConfig(const std::string& file, const std::string& text, const host::Accounts& accounts) {
  YamlReader reader(file);
  YAML::Node root;
  // yaml-cpp reports by exceptions; they end here.
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) reader.Wrong(documents[1], "a second document", "one");
    if (!documents.empty()) root = documents[0];
  } catch (const YAML::Exception& error) {
    reader.WrongAt(error.mark.line + 1, error.mark.column + 1, absl::StrCat("not YAML: ", error.msg));
    return Refused(reader);
  }
  Draft draft;
  draft.accounts = &accounts;
  try {
    ReadDraft(reader, root, draft);
    CheckUnique(reader, draft);
  } catch (const YAML::Exception& error) {
    reader.WrongAt(error.mark.line + 1, error.mark.column + 1, error.msg);
  }
  if (!reader.mistakes().empty()) return Refused(reader);
  Config config = std::move(draft.config);
  config.file = file;
  if (config.metrics && !config.metrics->tcp && config.metrics->path.empty())
    config.metrics->path = config.run_dir + "/metrics.sock";
  for (GuardDraft& guard : draft.guards) {
    for (auto& [socket, node] : guard.sockets) guard.config.sockets.push_back(std::move(socket));
    config.guards.push_back(std::move(guard.config));
  }
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& file, const host::Accounts& accounts) {
  const std::string doing = absl::StrCat("reading the configuration ", file);
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return kit::ErrnoError(doing, "name an existing file with --config");
  std::string text(kConfigBytesLimit + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return kit::ErrnoError(doing);
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kConfigBytesLimit)
    return kit::Error(absl::StatusCode::kInvalidArgument, doing, "more than 16 MiB", "split it, or is this the wrong file?");
  return ParseConfig(file, text, accounts);
}

Preexisting PreexistingPolicy(const GuardConfig& guard, verdict::Mode mode) {
  if (guard.preexisting.has_value()) return *guard.preexisting;
  return guard.agent && mode == verdict::Mode::kDeny ? Preexisting::kReset : Preexisting::kAdopt;
}

}  // namespace belfry::engine
