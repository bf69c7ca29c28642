#include "engine/guard_numbers.h"

#include <set>

#include "absl/strings/numbers.h"
#include "engine/json_file.h"
#include "kit/error.h"

namespace belfry::engine {

absl::Status GuardNumbers::Load() {
  if (file_.empty()) return absl::NotFoundError("nothing is kept");
  const auto texts = ReadGuardTexts(file_);
  if (!texts.ok()) return texts.status();
  numbers_.clear();
  for (const auto& [name, text] : *texts) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number >= kCanaryGuard)
      return kit::Error(absl::StatusCode::kInvalidArgument, "reading " + file_, "not a guard's number", "remove it");
    numbers_[name] = number;
  }
  return absl::OkStatus();
}

std::optional<uint32_t> GuardNumbers::Find(const std::string& name) const {
  const auto at = numbers_.find(name);
  return at == numbers_.end() ? std::nullopt : std::optional(at->second);
}

absl::StatusOr<std::map<std::string, uint32_t>> GuardNumbers::Assign(const std::vector<std::string>& names) {
  std::map<std::string, uint32_t> assigned;
  std::set<uint32_t> taken;
  for (const auto& [name, number] : numbers_) taken.insert(number);
  for (const std::string& name : names) {
    if (!numbers_.contains(name)) {
      uint32_t free = 0;
      while (taken.contains(free)) ++free;
      if (free >= kCanaryGuard)
        return kit::Error(absl::StatusCode::kResourceExhausted, "numbering guards", "all numbers are taken",
                          "belfryd --uninstall frees those of guards that are gone");
      taken.insert(free);
      numbers_[name] = free;
    }
    assigned[name] = numbers_[name];
  }
  if (file_.empty()) return assigned;
  std::map<std::string, std::string> texts;
  for (const auto& [name, number] : numbers_) texts[name] = std::to_string(number);
  if (absl::Status status = WriteGuardTexts(file_, texts); !status.ok()) return status;
  return assigned;
}

}  // namespace belfry::engine
