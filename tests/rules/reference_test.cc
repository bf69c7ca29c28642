// Random policies and random processes that really connect: the kernel part finds the rule that a plain evaluator finds.
#include <algorithm>
#include <iostream>
#include <random>

#include "rules/judged.h"
#include "verdict/reference.h"

namespace belfry::rules {
namespace {

using verdict::Field;
using Random = std::minstd_rand;

constexpr uint32_t kIds[] = {0, 1, 1000, 65534};
constexpr Field kAsked[] = {Field::kExe, Field::kUid, Field::kGid, Field::kNetns, Field::kMntns, Field::kUserns};
// The kernel part knows neither: whoever comes to such a rule is userspace's to decide.
constexpr Field kLate[] = {Field::kSha256, Field::kUnit};

class RulesReference : public Judged {
 protected:
  std::string AnyOf(Field field, Random& random) {
    switch (field) {
      case Field::kExe: return copies_[random() % kCopies];
      case Field::kUid: case Field::kGid: return std::to_string(kIds[random() % std::size(kIds)]);
      case Field::kSha256: return std::string(64, 'a');
      case Field::kUnit: return "a.service";
      default: return random() % 2 == 0 ? "host" : "other";
    }
  }

  std::vector<verdict::Rule> AnyRules(Random& random, size_t most) {
    std::vector<verdict::Rule> rules;
    for (const size_t wanted = random() % (most + 1); rules.size() < wanted;) {
      verdict::Asked all, none;
      for (const Field field : kAsked) {
        while (random() % 3 == 0) all.emplace_back(field, AnyOf(field, random));
        while (random() % 10 == 0) none.emplace_back(field, AnyOf(field, random));
      }
      for (const Field field : kLate)
        if (random() % 60 == 0) (random() % 2 == 0 ? all : none).emplace_back(field, AnyOf(field, random));
      auto rule = verdict::Rule::Of({.name = "r", .all = verdict::ValuesFrom(all), .none = verdict::ValuesFrom(none)});
      if (rule.ok()) rules.push_back(*std::move(rule));
    }
    return rules;
  }

  static Person AnyPerson(Random& random) {
    Person person{.exe = random() % kCopies, .uid = kIds[random() % 4], .gid = kIds[random() % 4]};
    while (random() % 2 == 0 && person.groups.size() < 60) person.groups.push_back(kIds[random() % 4]);
    // One in eight has as many as the kernel part looks at.
    if (random() % 8 == 0) person.groups.resize(64, 777);
    person.other_net = random() % 3 == 0;
    person.other_mnt = random() % 5 == 0;
    person.other_user = random() % 5 == 0;
    return person;
  }

  // As it was told to be, not as anybody found it.
  verdict::Opener OpenerOf(const Person& person) {
    verdict::Opener opener;
    opener[Field::kExe] = person.other_mnt || person.other_user ? verdict::Fact::Unknown("elsewhere")
                                                                : verdict::Fact::Known(copies_[person.exe]);
    opener[Field::kUid] = verdict::Fact::Known(std::to_string(person.uid));
    opener[Field::kGid] = verdict::Fact::Known(std::to_string(person.gid));
    for (const uint32_t group : person.groups) opener[Field::kGid].values.push_back(std::to_string(group));
    opener[Field::kNetns] = verdict::Fact::Known(person.other_net ? "other" : "host");
    opener[Field::kMntns] = verdict::Fact::Known(person.other_mnt ? "other" : "host");
    opener[Field::kUserns] = verdict::Fact::Known(person.other_user ? "other" : "host");
    return opener;
  }

  static uint32_t Expected(const std::vector<verdict::Rule>& rules, const verdict::Opener& opener) {
    for (size_t i = 0; i < rules.size(); ++i) {
      const bool may_fit = std::all_of(std::begin(kAsked), std::end(kAsked),
                                       [&](Field field) { return verdict::FieldHolds(rules[i], field, opener); });
      if (!may_fit) continue;
      const bool late = std::any_of(std::begin(kLate), std::end(kLate), [&](Field field) { return verdict::Asks(rules[i], field); });
      return late ? BELFRY_RULE_LATE : static_cast<uint32_t>(i);
    }
    return BELFRY_RULE_NONE;
  }

  void Compare(size_t policies, size_t people) {
    Random random(20261127);
    MakeElsewhere();
    std::vector<std::vector<verdict::Rule>> plain;
    for (size_t i = 0; i < policies; ++i) plain.push_back(AnyRules(random, i % 10 == 0 ? 150 : 8));
    Guards(plain);
    if (HasFatalFailure()) return;
    size_t compared = 0, differ = 0, none = 0, late = 0, not_first = 0;
    const size_t accept_every = std::max<size_t>(1, 4000 / policies);  // the map of connections holds 8,192
    for (size_t i = 0; i < people; ++i) {
      const Person person = AnyPerson(random);
      const auto found = FoundOf(Visit(person));
      ASSERT_EQ(found.size(), policies) << "person " << i;
      const verdict::Opener opener = OpenerOf(person);
      for (const auto& [guard, is] : found) {
        const uint32_t should = Expected(plain[guard], opener);
        ++compared;
        none += should == BELFRY_RULE_NONE;
        late += should == BELFRY_RULE_LATE;
        not_first += should != 0 && should < BELFRY_RULES_MAX;
        ASSERT_EQ(is.policy, guards_.ByNumber(guard)->compiled->number);
        if (is.rule != should && ++differ < 5) ADD_FAILURE() << "policy " << guard << ", person " << i << ": " << is.rule << ", not " << should;
      }
      if ((i + 1) % accept_every == 0) AcceptAll();
    }
    std::cout << compared << " verdicts of the kernel compared: " << differ << " differ; " << none << " of nobody's rule, "
              << not_first << " of one that is not the first, " << late << " left to userspace\n";
    EXPECT_EQ(differ, 0u);
    EXPECT_EQ(compared, policies * people);
    EXPECT_GT(none, compared / 100) << "else this compares nothing";
    EXPECT_GT(not_first, compared / 100);
    EXPECT_GT(late, 0u);
    EXPECT_EQ(CountersOf("rules").seen, compared);
  }
};

TEST_F(RulesReference, HundredPoliciesTimesHundredProcesses) { Compare(100, 100); }

TEST_F(RulesReference, ThousandPoliciesTimesThousandProcesses) { Compare(1000, 1000); }

}  // namespace
}  // namespace belfry::rules
