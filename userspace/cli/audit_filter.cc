#include "cli/audit_filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace belfry::cli {
namespace {

using Texts = std::vector<std::string>;

bool AnyMatches(const Texts& patterns, const Texts& texts) {
  if (patterns.empty()) return true;
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return !text.empty() && fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
    });
  });
}

Texts UsersOf(const effect::Entry& entry) {
  return {entry.user, entry.uid ? std::to_string(*entry.uid) : ""};
}

Texts ExesOf(const effect::Entry& entry) {
  Texts exes = {entry.path};
  if (entry.who != nullptr) exes.insert(exes.end(), {entry.who->program.exe, entry.who->program.script});
  return exes;
}

Texts UnitsOf(const effect::Entry& entry) {
  if (entry.home == nullptr) return {};
  return {entry.home->unit, entry.home->container, entry.home->pod};
}

Texts VerdictsOf(const effect::Entry& entry) {
  Texts verdicts = entry.reasons;
  verdicts.push_back(entry.verdict);
  return verdicts;
}

}  // namespace

bool AuditFilter::Wants(const effect::Entry& entry) const {
  if (entry.action == "lost" || entry.action == "dropped") return true;
  if (only_violations && !entry.violation) return false;
  return AnyMatches(guards, {entry.guard}) && AnyMatches(users, UsersOf(entry)) && AnyMatches(exes, ExesOf(entry)) &&
         AnyMatches(units, UnitsOf(entry)) && AnyMatches(verdicts, VerdictsOf(entry));
}

}  // namespace belfry::cli
