#include "verdict/rules.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "verdict/bit_counts.h"

namespace belfry::verdict {

Rules::Rules(std::vector<Rule> rules) : rules_(std::move(rules)) {
  for (const Field field : kEveryField)
    all_[IndexOf(field)].asking = none_[IndexOf(field)].asking = RuleBits(rules_.size());
  for (size_t rule = 0; rule < rules_.size(); ++rule) {
    Compile(rules_[rule].all(), rule, all_, cgroups_all_);
    Compile(rules_[rule].none(), rule, none_, cgroups_none_);
  }
}

void Rules::Compile(const Values& values, size_t rule, Indexes& indexes, CgroupTree& cgroups) {
  for (const Value& value : values) {
    Index& index = indexes[IndexOf(value.field())];
    index.asking.Set(rule);
    if (value.field() == Field::kCgroup)
      cgroups.Add(value.text(), rule);
    else
      index.by_value[value.text()].Add(rule);
  }
}

bool Rules::Asks(Field field) const {
  return all_[IndexOf(field)].asking.First().has_value() || none_[IndexOf(field)].asking.First().has_value();
}

std::vector<std::string> Rules::Named(Field field) const {
  std::vector<std::string> texts;
  for (const Rule& rule : rules_)
    for (const Values* values : {&rule.all(), &rule.none()})
      for (std::string& text : ValuesOf(*values, field)) texts.push_back(std::move(text));
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

RuleBits Rules::Holding(const Opener& opener, Field field) const {
  RuleBits bits(rules_.size());
  const Index& index = all_[IndexOf(field)];
  for (const std::string& text : opener[field].values) {
    if (field == Field::kCgroup)
      cgroups_all_.Fitting(text, opener.cgroup_anchored, bits);
    else if (const auto found = index.by_value.find(text); found != index.by_value.end())
      bits.Add(found->second);
  }
  return bits;
}

RuleBits Rules::Excluding(const Opener& opener, Field field) const {
  const Index& index = none_[IndexOf(field)];
  if (!opener[field].unknown.empty()) return index.asking;
  RuleBits bits(rules_.size());
  for (const std::string& text : opener[field].values) {
    if (field == Field::kCgroup)
      cgroups_none_.Possible(text, opener.cgroup_anchored, bits);
    else if (const auto found = index.by_value.find(text); found != index.by_value.end())
      bits.Add(found->second);
  }
  return bits;
}

// `any_digest`: as if the digest were whatever each rule likes.
Rules::Fitted Rules::Fit(const Opener& opener, bool any_digest) const {
  Fitted fitted;
  fitted.all_of_them = RuleBits(rules_.size());
  for (size_t rule = 0; rule < rules_.size(); ++rule) fitted.all_of_them.Set(rule);
  for (const Field field : kEveryField) {
    const RuleBits holding = Holding(opener, field), excluding = Excluding(opener, field);
    RuleBits& fits = fitted.fields[IndexOf(field)] = RuleBits(rules_.size());
    for (size_t i = 0; i < fits.words().size(); ++i) {
      const uint64_t asking = all_[IndexOf(field)].asking.words()[i];
      fits.words()[i] = any_digest && field == Field::kSha256 ? ~uint64_t{0}
                                                              : (holding.words()[i] | ~asking) & ~excluding.words()[i];
      fitted.all_of_them.words()[i] &= fits.words()[i];
    }
  }
  return fitted;
}

Decision Rules::Decide(const Opener& opener) const {
  const Fitted fitted = Fit(opener, false);
  Decision decision{.rule = fitted.all_of_them.First()};
  if (opener.digest_pending) decision.undecided = Fit(opener, true).all_of_them.First() != decision.rule;
  if (!decision.rule && !rules_.empty()) decision.nearest = Nearest(fitted);
  return decision;
}

size_t Rules::Nearest(const Fitted& fitted) const {
  BitCounts failing(rules_.size()), holding(rules_.size());
  for (const Field field : kEveryField) {
    const RuleBits& fits = fitted.fields[IndexOf(field)];
    RuleBits fails(rules_.size()), holds(rules_.size());
    for (size_t i = 0; i < fits.words().size(); ++i) {
      const uint64_t asking = all_[IndexOf(field)].asking.words()[i] | none_[IndexOf(field)].asking.words()[i];
      fails.words()[i] = asking & ~fits.words()[i];
      holds.words()[i] = asking & fits.words()[i];
    }
    failing.Add(fails);
    holding.Add(holds);
  }
  RuleBits best(rules_.size());
  for (size_t rule = 0; rule < rules_.size(); ++rule) best.Set(rule);
  return *holding.Most(failing.Least(best)).First();
}

Ruling RulingOf(const Rules& rules, const Decision& decision, Mode guard_mode) {
  if (!decision.rule) return {.allowed = false, .mode = guard_mode};
  const std::optional<Mode> own = rules.all()[*decision.rule].mode();
  if (!own || *own == Mode::kObserve) return {};
  return {.allowed = false, .mode = guard_mode == Mode::kObserve ? Mode::kObserve : *own};
}

}  // namespace belfry::verdict
