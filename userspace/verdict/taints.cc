#include <array>

#include "verdict/soundness.h"

namespace belfry::verdict {
namespace {

struct Taint {
  const char* name;
  bool class_a;
};

// In the order of enum belfry_taint; the classes are those of design 4.
constexpr std::array<Taint, BELFRY_TAINT_COUNT> kTaints = {{
    {"exec_after_connect", true},
    {"foreign_sender", true},
    {"foreign_receiver", true},
    {"fd_transferred", true},
    {"opener_exited", true},
    {"ambiguous", true},
    {"foreign_acceptor", true},
    {"unrecorded", true},
    {"preexisting", true},
    {"evidence_gap", true},
    {"exe_replaced", true},
    {"untrusted_code", false},
    {"traced", false},
    {"memory_written", false},
    {"creds_changed", false},
    {"cgroup_moved", false},
    {"fd_inherited", false},
}};

}  // namespace

const char* TaintName(int taint) { return taint >= 0 && taint < BELFRY_TAINT_COUNT ? kTaints[taint].name : "unknown"; }

// A bit that this version does not know comes from a newer kernel part: it must not be taken for harmless.
bool IsClassA(int taint) { return taint < 0 || taint >= BELFRY_TAINT_COUNT || kTaints[taint].class_a; }

std::vector<std::string> TaintNames(uint32_t bits) {
  std::vector<std::string> names;
  for (int taint = 0; bits != 0; ++taint, bits >>= 1) {
    if (bits & 1) names.emplace_back(TaintName(taint));
  }
  return names;
}

const char* OutcomeName(Outcome outcome) {
  static constexpr std::array kNames = {"sound", "withheld", "unavailable", "not_ours"};
  return kNames[static_cast<size_t>(outcome)];
}

const char* ModeName(Mode mode) {
  static constexpr std::array kNames = {"observe", "warn", "deny"};
  return kNames[static_cast<size_t>(mode)];
}

std::optional<Mode> ParseMode(const std::string& name) {
  for (const Mode mode : {Mode::kObserve, Mode::kWarn, Mode::kDeny}) {
    if (name == ModeName(mode)) return mode;
  }
  return std::nullopt;
}

}  // namespace belfry::verdict
