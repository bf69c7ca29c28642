#include "engine/kernel_rules.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kit/clock.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

using verdict::Field;
using verdict::Mode;

// In the order of enum Field; nullopt: the kernel part cannot know it.
constexpr std::array<std::optional<belfry_rule_field>, verdict::kFields> kKnown = {
    BELFRY_RULE_EXE, std::nullopt, std::nullopt, BELFRY_RULE_UID, BELFRY_RULE_GID, std::nullopt, std::nullopt,
    std::nullopt, std::nullopt, std::nullopt, BELFRY_RULE_NETNS, BELFRY_RULE_MNTNS, BELFRY_RULE_USERNS};

void Set(belfry_rule_bits& bits, size_t rule) { bits.word[rule / 64] |= uint64_t{1} << rule % 64; }

class Compiler {
 public:
  explicit Compiler(const ExeFiles& files) : files_(files) {}

  kernel::PolicyRules Compile(const verdict::Rules& rules) {
    const size_t count = rules.all().size();
    out_.policy.words = static_cast<uint32_t>((count + 63) / 64);
    for (size_t rule = 0; rule < count; ++rule) Add(rules.all()[rule], rule);
    for (const auto& [id, bits] : values_) {
      const auto& [field, first, second] = id;
      out_.values.emplace_back(belfry_rule_key{.policy = 0, .first = first, .second = second, .field = field, .pad = 0}, bits);
    }
    return std::move(out_);
  }

 private:
  void Add(const verdict::Rule& rule, size_t number) {
    Set(out_.policy.rules, number);
    if (rule.mode() == Mode::kDeny) Set(out_.policy.denies, number);
    if (rule.mode() == Mode::kDeny || rule.mode() == Mode::kWarn) Set(out_.policy.tells, number);
    for (const auto& [values, bars] : {std::pair(&rule.all(), 0u), std::pair(&rule.none(), BELFRY_RULE_BARS)})
      for (const verdict::Value& value : *values) Add(value, number, bars, FilesKnown(rule));
  }

  // Of a rule that names a file which nobody has looked at, no file says whether it fits.
  bool FilesKnown(const verdict::Rule& rule) const {
    const auto known = [&](const verdict::Value& value) { return value.field() != Field::kExe || files_.LedBy(value.text()).known; };
    return std::all_of(rule.all().begin(), rule.all().end(), known) && std::all_of(rule.none().begin(), rule.none().end(), known);
  }

  void Add(const verdict::Value& value, size_t rule, uint32_t bars, bool files_known) {
    const auto field = kKnown[verdict::IndexOf(value.field())];
    if (!field || (field == BELFRY_RULE_EXE && !files_known)) return Set(out_.policy.unsure, rule);
    (bars != 0 ? out_.policy.bars : out_.policy.asks) |= 1u << *field;
    Set((bars != 0 ? out_.policy.barring : out_.policy.asking)[*field], rule);
    if (*field == BELFRY_RULE_EXE) return AddFile(value.text(), rule, bars);
    uint32_t number = 0;  // of a realm: 1 elsewhere
    if (!absl::SimpleAtoi(value.text(), &number)) number = value.text() == "other";
    Put(*field | bars, number, 0, rule);
  }

  // By its name too: who was executed by it before we look again is not refused for that.
  void AddFile(const std::string& path, size_t rule, uint32_t bars) {
    const ExeFiles::Led led = files_.LedBy(path);
    if (led.now) Put(BELFRY_RULE_EXE | bars, led.now->ino, Home(*led.now), rule);
    if (led.now) Put(BELFRY_RULE_EXE_DEVICE, led.now->dev, 0, rule);
    for (const belfry_file_id& before : led.before) {
      Put(BELFRY_RULE_EXE_BEFORE, before.ino, Home(before), rule);
      Put(BELFRY_RULE_EXE_DEVICE, before.dev, 0, rule);
    }
    uint64_t hash = BELFRY_PATH_HASH;
    for (const char byte : path) hash = belfry_path_hash(hash, static_cast<uint8_t>(byte));
    if (path.size() < BELFRY_FILENAME_BYTES) Put(BELFRY_RULE_EXE_NAME, hash, 0, rule);
  }

  static uint64_t Home(const belfry_file_id& id) { return static_cast<uint64_t>(id.dev) << 32 | id.generation; }
  void Put(uint32_t field, uint64_t first, uint64_t second, size_t rule) { Set(values_[{field, first, second}], rule); }

  const ExeFiles& files_;
  kernel::PolicyRules out_;
  std::map<std::tuple<uint32_t, uint64_t, uint64_t>, belfry_rule_bits> values_;
};

bool Same(const kernel::PolicyRules& a, const kernel::PolicyRules& b) {
  const auto same = [](const auto& x, const auto& y) {
    return memcmp(&x.first, &y.first, sizeof x.first) == 0 && memcmp(&x.second, &y.second, sizeof x.second) == 0;
  };
  return memcmp(&a.policy, &b.policy, sizeof a.policy) == 0 &&
         std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), same);
}

// No two alike, in this daemon or in one before it.
uint64_t NewNumber() {
  static uint64_t last = 0;
  last = std::max(last + 1, kit::BootNs());
  return last;
}

}  // namespace

std::shared_ptr<const kernel::PolicyRules> CompileRules(const Guard& guard, const ExeFiles& files) {
  const verdict::Rules* rules = guard.config.rules.get();
  if (rules == nullptr || rules->all().size() > BELFRY_RULES_MAX) return nullptr;
  auto compiled = std::make_shared<kernel::PolicyRules>(Compiler(files).Compile(*rules));
  compiled->policy.mode = guard.mode == Mode::kDeny ? BELFRY_MODE_DENY : BELFRY_MODE_OBSERVE;
  compiled->policy.foreign = verdict::ForeignPlace(guard.config.policy);
  compiled->policy.backfilled = guard.config.policy.trust_backfill ? 1 : 0;
  if (guard.compiled != nullptr && Same(*guard.compiled, *compiled)) return guard.compiled;
  compiled->number = NewNumber();
  return compiled;
}

std::string WhyLate(const GuardConfig& guard) {
  if (guard.rules == nullptr) return "";
  if (guard.rules->all().size() > BELFRY_RULES_MAX) return absl::StrCat("more than ", BELFRY_RULES_MAX, " rules");
  std::vector<std::string> fields;
  for (const Field field : verdict::kEveryField)
    if (!kKnown[verdict::IndexOf(field)] && guard.rules->Asks(field)) fields.emplace_back(verdict::FieldKey(field));
  return fields.empty() ? "" : absl::StrCat("rules that ask for ", absl::StrJoin(fields, ", "), ", which the kernel part does not know");
}

}  // namespace belfry::engine
