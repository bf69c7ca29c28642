#include "engine/policy_story.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/opener_now.h"
#include "kit/error.h"
#include "verdict/rule_words.h"

namespace belfry::engine {
namespace {

constexpr char kExplaining[] = "explaining a policy";

std::optional<belfry_connection> OpenerOn(Engine& engine, uint32_t guard, uint32_t tgid) {
  if (const auto entries = engine.kernel().ConnectionsOf(tgid); entries.ok())
    for (const kernel::ConnectionEntry& entry : *entries)
      if (entry.alive && entry.record.guard == guard) return entry.record;
  const auto live = engine.kernel().Live(tgid);
  if (!live.ok() || live->threads == 0 || live->kernel_thread != 0) return std::nullopt;
  belfry_connection connection{};
  connection.guard = guard;
  TakeOpener(*live, connection);
  return connection;
}

v1::PolicyReply Story(Engine& engine, const Guard& guard, const belfry_connection& connection, v1::PolicyReply reply,
                      const DigestFact& digest) {
  const verdict::Rules& rules = *guard.config.rules;
  const verdict::Opener opener = engine.gate().facts().Of(connection, guard.config.policy, rules, digest);
  const verdict::Decision decision = rules.Decide(opener);
  const verdict::Ruling ruling = verdict::RulingOf(rules, decision, guard.mode);
  reply.set_answer(ruling.allowed ? "allowed" : verdict::kNotAllowed);
  if (!ruling.allowed) reply.set_says(verdict::ModeName(ruling.mode));
  reply.set_fits(decision.rule.has_value());
  const std::optional<size_t> told = decision.rule ? decision.rule : decision.nearest;
  if (!told) return reply;
  const verdict::Rule& rule = rules.all()[*told];
  reply.set_rule(rule.name());
  reply.set_line(static_cast<uint32_t>(rule.line()));
  for (const verdict::Compared& compared : verdict::Compare(rule, opener)) {
    v1::FieldStory& field = *reply.add_fields();
    field.set_field(verdict::FieldKey(compared.field));
    field.set_excluded(compared.excluded);
    field.set_holds(compared.holds);
    field.set_asked(compared.asked);
    field.set_found(compared.found);
  }
  return reply;
}

}  // namespace

void TellPolicy(Engine& engine, const v1::PolicyRequest& request, uint32_t tgid, const service::Done<v1::PolicyReply>& done) {
  const Guard* guard = engine.guards().ByName(request.guard());
  if (guard == nullptr)
    return done(kit::Error(absl::StatusCode::kNotFound, kExplaining, "no guard is named \"" + request.guard() + "\"",
                           "belfry status lists them"));
  const auto connection = OpenerOn(engine, guard->number, tgid);
  if (!connection)
    return done(kit::Error(absl::StatusCode::kNotFound, kExplaining, absl::StrCat("no living process has the number ", request.pid()),
                           "ask with a number from `ps`"));
  v1::PolicyReply reply;
  reply.set_schema(1);
  reply.set_pid(request.pid());
  reply.set_guard(guard->name());
  reply.set_mode(verdict::ModeName(guard->mode));
  if (guard->config.rules == nullptr || guard->IsOwn(connection->opener)) {
    reply.set_answer(guard->config.rules == nullptr ? "no_rules" : "own");
    return done(reply);
  }
  if (!guard->config.rules->Asks(verdict::Field::kSha256)) return done(Story(engine, *guard, *connection, reply, {}));
  engine.gate().AskDigest(*guard, *connection, [&engine, reply, connection = *connection, done](const DigestFact& digest) {
    const Guard* now = engine.guards().ByName(reply.guard());
    if (now == nullptr || now->config.rules == nullptr)
      return done(kit::Error(absl::StatusCode::kUnavailable, kExplaining, "the guard changed meanwhile", "ask again"));
    done(Story(engine, *now, connection, reply, digest));
  });
}

}  // namespace belfry::engine
