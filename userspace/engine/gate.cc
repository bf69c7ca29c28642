#include "engine/gate.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "evidence/decode.h"
#include "kit/clock.h"
#include "kit/escape.h"
#include "verdict/rule_words.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

DigestFact NotYet() { return {.pending = true, .sha256 = {}, .absent = "it is being computed"}; }

// Whoever called listen(2) is its own client before anybody was enrolled to serve.
bool IsOwn(const Guard& guard, const belfry_connection& connection) {
  return guard.IsOwn(connection.opener) ||
         (connection.listener_tgid != 0 && connection.listener_tgid == connection.opener.tgid);
}

}  // namespace

Gate::Answer Gate::Ask(const Guard& guard, const belfry_connection& connection, const DigestFact& digest) {
  if (guard.config.rules == nullptr || IsOwn(guard, connection)) return {};
  const verdict::Rules& rules = *guard.config.rules;
  const verdict::Opener opener = facts_.Of(connection, guard.config.policy, rules, digest);
  const verdict::Decision decision = rules.Decide(opener);
  const verdict::Ruling ruling = verdict::RulingOf(rules, decision, guard.mode);
  Answer answer{.allowed = ruling.allowed, .undecided = decision.undecided};
  answer.refuses = !ruling.allowed && ruling.mode == verdict::Mode::kDeny;
  const std::optional<size_t> told = decision.rule ? decision.rule : decision.nearest;
  if (told) answer.rule = rules.all()[*told].name();
  if (!ruling.allowed) answer.why = verdict::WhyNot(rules, decision, opener);
  return answer;
}

Gate::Answer Gate::AnswerOf(const Guard& guard, size_t rule) const {
  const verdict::Rules& rules = *guard.config.rules;
  const verdict::Decision decision{.rule = rule};
  const verdict::Ruling ruling = verdict::RulingOf(rules, decision, guard.mode);
  Answer answer{.allowed = ruling.allowed, .rule = rules.all()[rule].name()};
  answer.refuses = !ruling.allowed && ruling.mode == verdict::Mode::kDeny;
  if (!ruling.allowed) answer.why = verdict::WhyNot(rules, decision, {});
  return answer;
}

// What the kernel part has found of these rules holds: it knew the opener as it was then. That none fits is looked at again,
// for the words, and since a path may have come to lead elsewhere at that moment.
Gate::Answer Gate::AtConnect(const Guard& guard, const belfry_connection& connection) {
  const bool ruled = guard.compiled != nullptr && connection.policy == guard.compiled->number && connection.rule < guard.config.rules->all().size();
  return ruled ? AnswerOf(guard, connection.rule) : Ask(guard, connection, NotYet());
}

void Gate::Opened(Guard& guard, uint64_t cookie, const belfry_connection& connection, effect::Entry& line,
                  std::vector<Cuts::Order>& orders) {
  if (guard.config.rules == nullptr || IsOwn(guard, connection)) return;
  const Answer answer = AtConnect(guard, connection);
  if (answer.undecided)
    return AskDigest(guard, connection, [this, number = guard.number, cookie, connection](const DigestFact& digest) {
      Decide(number, cookie, connection, digest);
    });
  line.rule = answer.rule;
  if (answer.allowed) return;
  Tell(guard, connection, answer, line);
  if (answer.refuses) orders.push_back({.guard = guard.number, .key = cookie, .why = verdict::kNotAllowed});
}

void Gate::OpenedByNobodyKnown(Guard& guard, effect::Entry& line) {
  const bool ours = line.action == "unrecorded";
  line.message = ours ? "of this machine, its process was not seen" : "from elsewhere, its process is not seen";
  if (guard.config.rules == nullptr) return;
  line.violation = true;
  line.verdict = verdict::OutcomeName(verdict::Outcome::kWithheld);
  line.reasons.emplace_back(verdict::kNotAllowed);
  guard.CountVerdict({verdict::kNotAllowed}, line.source.ip, kit::BootNs());
}

void Gate::Found(uint64_t cookie, const belfry_connection& connection) {
  const Guard* guard = guards_.ByNumber(connection.guard);
  if (guard == nullptr || guard->config.rules == nullptr || IsOwn(*guard, connection)) return;
  if (!AtConnect(*guard, connection).undecided) return Decide(guard->number, cookie, connection, NotYet());
  AskDigest(*guard, connection, [this, number = guard->number, cookie, connection](const DigestFact& digest) {
    Decide(number, cookie, connection, digest);
  });
}

void Gate::Decide(uint32_t number, uint64_t cookie, const belfry_connection& connection, const DigestFact& digest) {
  Guard* guard = guards_.ByNumber(number);
  if (guard == nullptr) return;
  const Answer answer = Ask(*guard, connection, digest);
  if (answer.allowed) return;
  effect::Entry line{.action = verdict::kNotAllowed,
                     .time_ns = connection.connect_ns,
                     .guard = guard->name(),
                     .pid = connection.opener.tgid,
                     .pid_start_ns = connection.opener.start_ns,
                     .uid = connection.creds.euid,
                     .comm = std::string(evidence::Text(connection.comm)),
                     .rule = answer.rule,
                     .cookie = cookie};
  Tell(*guard, connection, answer, line);
  journal_.Write(std::move(line));
  if (answer.refuses) cuts_.Now(number, {cookie}, verdict::kNotAllowed, [] {});
}

void Gate::Tell(Guard& guard, const belfry_connection& connection, const Answer& answer, effect::Entry& line) {
  line.violation = true;
  line.verdict = verdict::OutcomeName(verdict::Outcome::kWithheld);
  line.reasons.emplace_back(verdict::kNotAllowed);
  line.message = answer.why;
  const std::string who = absl::StrCat(connection.creds.euid, " ", kit::Escape(evidence::Text(connection.comm)));
  guard.CountVerdict({verdict::kNotAllowed}, who, kit::BootNs());
}

void Gate::AskDigest(const Guard& guard, const belfry_connection& connection, std::function<void(const DigestFact&)> done) {
  const belfry_pin& pin = connection.opener;
  const auto record = kernel_.Process(pin.tgid);
  const bool seen = record && SameProcess(record->pin, pin) && record->pin.exec_id == pin.exec_id &&
                    (record->image_flags & BELFRY_IMAGE_BACKFILLED) == 0;
  if (!seen && !guard.config.policy.trust_backfill)
    return done({.pending = false, .sha256 = {}, .absent = "its exec was not seen, or it is gone"});
  const Wanted wanted{.path = true,
                      .sha256 = true,
                      .exec_ns = seen ? record->exec_ns : 0,
                      .tolerated_place = verdict::ToleratedPlace(guard.config.policy)};
  reader_.Start(pin.tgid, connection.creds.uid, seen ? record->image : connection.exe, wanted, [done = std::move(done)](const Read& read) {
    DigestFact fact{.pending = false, .sha256 = read.sha256, .absent = read.absent};
    if (!read.status.ok()) fact = {.pending = false, .sha256 = {}, .absent = std::string(read.status.message())};
    if (!fact.sha256 && fact.absent.empty()) fact.absent = "it could not be read";
    done(fact);
  });
}

// It is refused, whatever we think of it now.
void Gate::Barred(Guard& guard, const belfry_connection& connection, effect::Entry& line) {
  guard.tally.CountRefused(BELFRY_USE_CONNECT);
  if (guard.config.rules == nullptr) return;
  Answer answer = AtConnect(guard, connection);
  line.rule = answer.rule;
  if (answer.allowed) answer.why = absl::StrCat("rule ", answer.rule, " fits it now and did not then: it may try again");
  line.message = answer.why;
}

bool Gate::WatchFiles() {
  std::vector<std::string> paths;
  for (const Guard& guard : guards_.all()) {
    if (guard.config.rules == nullptr) continue;
    for (const verdict::Field field : {verdict::Field::kExe, verdict::Field::kAncestor})
      for (std::string& path : guard.config.rules->Named(field)) paths.push_back(std::move(path));
  }
  files_.Watch(paths);
  return files_.Look();
}

}  // namespace belfry::engine
