#include "engine/config_schema.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/backend_limits.h"
#include "engine/config_limit.h"
#include "engine/config_metrics.h"
#include "engine/config_rules.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

using YAML::Node;
template <typename T>
using Key = YamlReader::Key<T>;

constexpr size_t kNameLimit = 64;
constexpr size_t kPathLimit = 4095;  // PATH_MAX without its NUL
constexpr size_t kGuardsLimit = BELFRY_GUARDS_MAX - 1;  // one is the canary's

std::vector<std::string> TaintWords(bool class_b_only) {
  std::vector<std::string> words;
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint)
    if (!class_b_only || !verdict::IsClassA(taint)) words.push_back(verdict::TaintName(taint));
  return words;
}

uint32_t Taints(YamlReader& reader, const Node& node, bool class_b_only) {
  const std::vector<std::string> known = TaintWords(class_b_only);
  const std::vector<std::string> every = TaintWords(false);
  uint32_t bits = 0;
  reader.List(node, "taints", [&](const Node& element) {
    const std::string word = element.IsScalar() ? element.Scalar() : "";
    const auto at = std::find(every.begin(), every.end(), word);
    if (at != every.end() && std::find(known.begin(), known.end(), word) == known.end()) {
      reader.Wrong(element, YamlReader::Shown(element) + ", which is always withheld", "a taint that is not", known);
    } else if (at == every.end()) {
      reader.Wrong(element, "unknown taint " + YamlReader::Shown(element), "a taint", known, word);
    } else {
      bits |= 1u << (at - every.begin());
    }
  });
  return bits;
}

template <bool GuardConfig::*kMember>
void GuardTruth(YamlReader& reader, const Node& node, GuardDraft& into) {
  if (const auto value = reader.Truth(node)) into.config.*kMember = *value;
}
template <bool verdict::GuardPolicy::*kMember>
void PolicyTruth(YamlReader& reader, const Node& node, GuardDraft& into) {
  if (const auto value = reader.Truth(node)) into.config.policy.*kMember = *value;
}

void ReadName(YamlReader& reader, const Node& node, GuardDraft& into) {
  into.name_node = node;
  const auto name = reader.Text(node, "a name for the guard");
  if (!name) return;
  const bool plain = std::all_of(name->begin(), name->end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!plain || name->size() > kNameLimit)
    reader.Wrong(node, YamlReader::Shown(node), "a name of at most 64 letters, digits, '-', '_' and '.'");
  else
    into.config.policy.name = *name;
}

template <const char* kRole>
void ReadSocket(YamlReader& reader, const Node& node, GuardDraft& into) {
  if (node.IsScalar() && node.Scalar().starts_with('@')) {
    const size_t bytes = node.Scalar().size() - 1;
    if (bytes == 0 || bytes > kSunPathLimit)
      reader.Wrong(node, absl::StrCat("an abstract name of ", bytes, " bytes"), absl::StrCat("\"@name\", at most ", kSunPathLimit, " bytes after the @"));
    else
      into.sockets.emplace_back(GuardedSocket{kRole, node.Scalar()}, node);
  } else if (const auto path = reader.AbsolutePath(node, kSunPathLimit))
    into.sockets.emplace_back(GuardedSocket{kRole, *path}, node);
}
constexpr char kUnix[] = "unix", kWorkload[] = "workload", kAdmin[] = "admin", kBroker[] = "broker";
constexpr Key<GuardDraft> kAgentKeys[] = {
    {kWorkload, ReadSocket<kWorkload>}, {kAdmin, ReadSocket<kAdmin>}, {kBroker, ReadSocket<kBroker>}};

void ReadAgent(YamlReader& reader, const Node& node, GuardDraft& into) {
  into.config.agent = true;
  const auto seen = reader.Map<GuardDraft>(node, "an agent's sockets: {workload, admin, broker}", kAgentKeys, into);
  if (node.IsMap() && !seen.contains(kWorkload))
    reader.Wrong(node, "an agent without its workload socket", "workload: PATH");
}

void ReadListenerExe(YamlReader& reader, const Node& node, ListenerRule& into) {
  if (const auto path = reader.AbsolutePath(node, kPathLimit)) into.exe = *path;
}
struct ListenerDraft {
  ListenerRule rule;
  const host::Accounts* accounts;
};
void ReadListenerUid(YamlReader& reader, const Node& node, ListenerDraft& into) {
  into.rule.uid = ReadAccount(reader, node, into.accounts->users, "user");
}
void ReadActivation(YamlReader& reader, const Node& node, ListenerDraft& into) {
  static const std::vector<std::string> kKnown = {"systemd"};
  if (reader.Word(node, kKnown)) into.rule.activated_by_systemd = true;
}
constexpr Key<ListenerDraft> kListenerKeys[] = {
    {"exe", [](YamlReader& r, const Node& n, ListenerDraft& into) { ReadListenerExe(r, n, into.rule); }},
    {"uid", ReadListenerUid},
    {"activated_by", ReadActivation},
    {"unit", nullptr, "exe, uid or activated_by: listeners by unit are not there yet"},
    {"container", nullptr, "exe, uid or activated_by: listeners by container are not there yet"},
    {"pod", nullptr, "exe, uid or activated_by: listeners by pod are not there yet"},
};
void ReadListener(YamlReader& reader, const Node& node, GuardDraft& into) {
  ListenerDraft draft{{}, into.draft->accounts};
  reader.Map<ListenerDraft>(node, "a listener: {exe, uid, activated_by}", kListenerKeys, draft);
  into.config.listener = draft.rule;
}

void ReadMode(YamlReader& reader, const Node& node, GuardDraft& into) {
  static const std::vector<std::string> kKnown = {"observe", "warn", "deny"};
  if (const auto word = reader.Word(node, kKnown)) into.config.policy.mode = *verdict::ParseMode(*word);
}

constexpr Key<GuardDraft> kExceptKeys[] = {{"preload", [](YamlReader& reader, const Node& node, GuardDraft& into) {
  reader.List(node, "paths or sha256 sums of preloads", [&](const Node& element) {
    if (const auto text = reader.Text(element, "a path or a sha256 sum"))
      into.config.policy.preload_excepted.push_back(*text);
  });
}}};

void ReadPreexisting(YamlReader& reader, const Node& node, GuardDraft& into) {
  static const std::vector<std::string> kKnown = {"adopt", "reset"};
  if (const auto word = reader.Word(node, kKnown))
    into.config.preexisting = *word == "reset" ? Preexisting::kReset : Preexisting::kAdopt;
}

// "hold", or "observe(10m)" with s, m or h.
std::optional<DaemonLoss> ParseDaemonLoss(const std::string& text) {
  if (text == "hold") return DaemonLoss{.hold = true};
  if (!absl::StartsWith(text, "observe(") || !absl::EndsWith(text, ")") || text.size() < 11) return std::nullopt;
  const char unit = text[text.size() - 2];
  const int64_t scale = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
  uint32_t count = 0;
  if (scale == 0 || !absl::SimpleAtoi(text.substr(8, text.size() - 10), &count) || count == 0 || count > 1000000)
    return std::nullopt;
  return DaemonLoss{.hold = false, .observe_after = std::chrono::seconds(count * scale)};
}
void ReadSqpoll(YamlReader& reader, const Node& node, GuardDraft& into) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  into.config.allow_sqpoll = text == "allow";
  if (text != "allow" && text != "refuse") reader.Wrong(node, YamlReader::Shown(node), "refuse, or allow");
}
void ReadWhenFull(YamlReader& reader, const Node& node, GuardDraft& into) {
  static const std::vector<std::string> kKnown = {"refuse", "allow"};
  if (const auto word = reader.Word(node, kKnown)) into.config.full_refuses = *word == "refuse";
}
void ReadDaemonLoss(YamlReader& reader, const Node& node, GuardDraft& into) {
  into.config.on_daemon_loss = node.IsScalar() ? ParseDaemonLoss(node.Scalar()) : std::nullopt;
  if (!into.config.on_daemon_loss) reader.Wrong(node, YamlReader::Shown(node), "hold, or observe(10m) with s, m or h");
}
void ReadDelegated(YamlReader& reader, const Node& node, GuardDraft& into) {
  static const std::vector<std::string> kKnown = {"exec"};
  if (reader.Word(node, kKnown)) into.config.delegated_exec = true;
}

void ReadPort(YamlReader& reader, const Node& node, GuardDraft& into) {
  const auto endpoint = node.IsScalar() ? kit::ParseEndpoint(node.Scalar()) : std::nullopt;
  if (endpoint)
    into.sockets.emplace_back(GuardedSocket{"tcp", kit::EndpointText(*endpoint), endpoint}, node);
  else
    reader.Wrong(node, YamlReader::Shown(node), "a port, or an address and a port: 8081, 127.0.0.1:8081, \"[::1]:8081\"");
}

constexpr Key<GuardDraft> kGuardKeys[] = {
    {"name", ReadName},
    {"unix", ReadSocket<kUnix>},
    {"agent", ReadAgent},
    {"tcp", ReadPort},
    {"vsock", nullptr, "unix: or tcp: of this machine: no backend sees vsock yet"},
    {"listener", ReadListener},
    {"mode", ReadMode},
    {"withhold_on", [](YamlReader& r, const Node& n, GuardDraft& into) {
       into.config.policy.withhold_on = Taints(r, n, true);
     }},
    {"except", [](YamlReader& r, const Node& n, GuardDraft& into) {
       r.Map<GuardDraft>(n, "exceptions: {preload: [...]}", kExceptKeys, into);
     }},
    {"require", [](YamlReader& r, const Node& n, GuardDraft& into) { into.config.require = Taints(r, n, false); }},
    {"preexisting", ReadPreexisting},
    {"on_daemon_loss", ReadDaemonLoss},
    {"sqpoll", ReadSqpoll},
    {"when_full", ReadWhenFull},
    {"trust_backfill", PolicyTruth<&verdict::GuardPolicy::trust_backfill>},
    {"container_paths", PolicyTruth<&verdict::GuardPolicy::container_paths>},
    {"rootless", PolicyTruth<&verdict::GuardPolicy::rootless>},
    {"delegated", ReadDelegated},
    {"allow", ReadRules},
    {"limit", ReadLimit},
};

// A port's connects may be refused, its connections are told and not held: what would need a hold is a mistake, no promise.
void CheckPort(YamlReader& reader, const Node& node, const GuardDraft& guard) {
  for (const char* key : {"withhold_on", "except", "require", "preexisting", "sqpoll", "when_full", "delegated", "limit"})
    if (node[key]) reader.Wrong(node[key], absl::StrCat("\"", key, "\" of a TCP port"), "that of a unix socket: a port's connections are only told");
  const NoDeny no_deny = WhyNoDenyOfPort(guard.config);
  if (no_deny.why.empty()) return;
  if (guard.config.policy.mode == verdict::Mode::kDeny)
    reader.Wrong(node["mode"], absl::StrCat("deny for a TCP port, but ", no_deny.why), no_deny.remedy);
  if (guard.config.rules == nullptr) return;
  for (const verdict::Rule& rule : guard.config.rules->all())
    if (rule.mode() == verdict::Mode::kDeny)
      reader.Wrong(node["allow"], absl::StrCat("a rule that says deny (", rule.name(), ") for a TCP port, but ", no_deny.why), no_deny.remedy);
}

void ReadGuard(YamlReader& reader, const Node& node, Draft& into) {
  GuardDraft guard;
  guard.draft = &into;
  guard.config.line = node.Mark().line + 1;
  const auto seen = reader.Map<GuardDraft>(node, "a guard", kGuardKeys, guard);
  if (!node.IsMap()) return;
  if (!seen.contains("name")) reader.Wrong(node, "a guard without a name", "name: NAME");
  const int kinds = static_cast<int>(seen.count("unix") + seen.count("agent") + seen.count("tcp") + seen.count("vsock"));
  if (kinds != 1)
    reader.Wrong(node, kinds == 0 ? "a guard of no socket" : "a guard of several kinds", "one of unix:, agent: and tcp:");
  if (seen.contains("tcp")) CheckPort(reader, node, guard);
  into.guards.push_back(std::move(guard));
}

void ReadVersion(YamlReader& reader, const Node& node, Draft&) {
  if (!node.IsScalar() || node.Scalar() != "1") reader.Wrong(node, YamlReader::Shown(node), "version: 1");
}
void ReadHost(YamlReader& reader, const Node& node, Draft& into) {
  static const std::vector<std::string> kKnown = {"init", "self"};
  if (const auto word = reader.Word(node, kKnown)) into.config.host_is_self = *word == "self";
}
void ReadGuards(YamlReader& reader, const Node& node, Draft& into) {
  reader.List(node, "guards", [&](const Node& element) { ReadGuard(reader, element, into); });
  if (node.IsSequence() && node.size() > kGuardsLimit)
    reader.Wrong(node, absl::StrCat(node.size(), " guards"), absl::StrCat("at most ", kGuardsLimit));
}

constexpr Key<Draft> kTopKeys[] = {
    {"version", ReadVersion},
    {"run_dir", [](YamlReader& r, const Node& n, Draft& into) {
       // attest.sock and admin.sock are sockets too: "/attest.sock" has to fit behind it.
       if (const auto path = r.AbsolutePath(n, kSunPathLimit - 16)) into.config.run_dir = *path;
     }},
    {"bpffs", [](YamlReader& r, const Node& n, Draft& into) {
       if (const auto path = r.AbsolutePath(n, kPathLimit)) into.config.bpffs = *path;
     }},
    {"pin", [](YamlReader& r, const Node& n, Draft& into) {
       if (const auto value = r.Truth(n)) into.config.pin = *value;
     }},
    {"host", ReadHost},
    {"refuse_splice", [](YamlReader& r, const Node& n, Draft& into) {
       if (const auto value = r.Truth(n)) into.config.refuse_splice = *value;
     }},
    {"metrics", ReadMetrics},
    {"guards", ReadGuards},
};

}  // namespace

void ReadDraft(YamlReader& reader, const Node& root, Draft& draft) {
  const auto seen = reader.Map<Draft>(root, "a configuration (version, guards, ...)", kTopKeys, draft);
  if (!root.IsMap()) return;
  if (!seen.contains("version")) reader.Wrong(root, "no version", "version: 1");
  if (!seen.contains("guards")) reader.Wrong(root, "no guards", "guards: a list");
}

}  // namespace belfry::engine
