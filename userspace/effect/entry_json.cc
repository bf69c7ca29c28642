#include "effect/entry_json.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "kit/clock.h"
#include "kit/escape.h"
#include "kit/utc_text.h"

namespace belfry::effect {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMessageBytes = 512;
constexpr size_t kPathBytes = 4096;
constexpr size_t kNanoDigits = 6;  // microseconds

// ECS wants wall time; the kernel's records carry boot time.
uint64_t WallOf(const Entry& entry) {
  if (entry.wall_ns != 0) return entry.wall_ns;
  const uint64_t now = kit::BootNs();
  const uint64_t ago = entry.time_ns == 0 || entry.time_ns > now ? 0 : now - entry.time_ns;
  return kit::RealNs() - ago;
}

std::string Timestamp(uint64_t wall_ns) {
  char fraction[16];
  snprintf(fraction, sizeof fraction, ".%06uZ", static_cast<unsigned>(wall_ns % kit::kSecondNs / 1000));
  return kit::UtcText(wall_ns) + fraction;
}

uint64_t ParseTimestamp(const std::string& text) {
  tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return 0;
  uint64_t fraction = 0;
  size_t digits = 0;
  if (*rest == '.')
    for (++rest; digits < kNanoDigits && *rest >= '0' && *rest <= '9'; ++digits) fraction = fraction * 10 + (*rest++ - '0');
  for (; digits < 9; ++digits) fraction *= 10;
  return static_cast<uint64_t>(timegm(&parts)) * kit::kSecondNs + fraction;
}

void Put(Json& object, const char* name, const std::string& text, size_t limit = 256) {
  if (!text.empty()) object[name] = kit::Escape(text, limit);
}

void PutProgram(Json& object, const Program& program) {
  Put(object, "name", program.comm);
  Put(object, "executable", program.exe, kPathBytes);
}

void PutWho(Json& line, const Entry& entry) {
  Json& process = line["process"];
  if (entry.pid != 0) process["pid"] = entry.pid;
  Put(process, "name", entry.comm);
  const std::string& exe = entry.path.empty() && entry.who != nullptr ? entry.who->program.exe : entry.path;
  Put(process, "executable", exe, kPathBytes);
  if (entry.who != nullptr) {
    const Who& who = *entry.who;
    for (const std::string& argument : who.args) process["args"].push_back(kit::Escape(argument));
    if (!who.parents.empty()) {
      process["parent"]["pid"] = who.parents.front().pid;
      PutProgram(process["parent"], who.parents.front().program);
    }
  }
  if (process.is_null()) line.erase("process");
}

void PutUser(Json& line, const Entry& entry) {
  if (entry.uid) line["user"]["id"] = std::to_string(*entry.uid);
  if (!entry.user.empty()) Put(line["user"], "name", entry.user);
  if (entry.gid) line["group"]["id"] = std::to_string(*entry.gid);
  if (!entry.group.empty()) Put(line["group"], "name", entry.group);
}

void PutAddress(Json& line, const char* name, const Address& address) {
  if (address.ip.empty()) return;
  line[name] = {{"ip", address.ip}, {"port", address.port}};
  line["network"]["transport"] = "tcp";
}

void PutOwn(Json& own, const Entry& entry) {
  Put(own, "guard", entry.guard);
  Put(own, "socket", entry.socket, kPathBytes);
  Put(own, "mode", entry.mode);
  Put(own, "verdict", entry.verdict);
  if (entry.violation) own["violation"] = true;
  if (entry.elsewhere) own["elsewhere"] = true;
  if (entry.cookie != 0) own["connection"] = entry.cookie;
  if (entry.pid_start_ns != 0) own["start_ns"] = entry.pid_start_ns;
  if (entry.who != nullptr) {
    Put(own, "script", entry.who->program.script, kPathBytes);
    Put(own, "known_by", entry.who->known_by);
    for (const Ancestor& parent : entry.who->parents) {
      Json one{{"pid", parent.pid}};
      PutProgram(one, parent.program);
      Put(one, "script", parent.program.script, kPathBytes);
      own["ancestors"].push_back(std::move(one));
    }
  }
  if (entry.home != nullptr) {
    Put(own, "cgroup", entry.home->cgroup, kPathBytes);
    Put(own, "unit", entry.home->unit);
    Put(own, "pod", entry.home->pod);
    if (entry.home->anchored > 0) own["anchored"] = entry.home->anchored;
  }
  for (const Server& server : entry.served_by) {
    Json one{{"pid", server.pid}};
    Put(one, "executable", server.exe, kPathBytes);
    own["served_by"].push_back(std::move(one));
  }
  Put(own, "program", entry.kernel_program);
  if (entry.count != 0) own["count"] = entry.count;
  if (entry.connects != 0) own["connects"] = entry.connects;
}

// ---- the way back: a field that is not there, or is something else, is left as it is ----

template <typename Number>
void Take(const Json& object, const char* pointer, Number& into) {
  const Json::json_pointer at(pointer);
  if (object.contains(at) && object[at].is_number_unsigned()) into = object[at].get<Number>();
}
void Take(const Json& object, const char* pointer, std::string& into) {
  const Json::json_pointer at(pointer);
  if (object.contains(at) && object[at].is_string()) into = object[at].get<std::string>();
}
void Take(const Json& object, const char* pointer, std::vector<std::string>& into) {
  const Json::json_pointer at(pointer);
  if (!object.contains(at) || !object[at].is_array()) return;
  for (const Json& one : object[at])
    if (one.is_string()) into.push_back(one.get<std::string>());
}
void Take(const Json& object, const char* pointer, std::optional<uint32_t>& into) {
  std::string text;
  Take(object, pointer, text);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size()) into = number;
}

std::vector<Server> TakeServers(const Json& line) {
  std::vector<Server> servers;
  const Json::json_pointer at("/belfry/served_by");
  if (!line.contains(at) || !line[at].is_array()) return servers;
  for (const Json& one : line[at]) {
    Server& server = servers.emplace_back();
    Take(one, "/pid", server.pid);
    Take(one, "/executable", server.exe);
  }
  return servers;
}

std::shared_ptr<const Who> TakeWho(const Json& line) {
  auto who = std::make_shared<Who>();
  Take(line, "/process/name", who->program.comm);
  Take(line, "/process/executable", who->program.exe);
  Take(line, "/belfry/script", who->program.script);
  Take(line, "/belfry/known_by", who->known_by);
  Take(line, "/process/args", who->args);
  const Json::json_pointer ancestors("/belfry/ancestors");
  if (!line.contains(ancestors) || !line[ancestors].is_array()) return who;
  for (const Json& one : line[ancestors]) {
    Ancestor& ancestor = who->parents.emplace_back();
    Take(one, "/pid", ancestor.pid);
    Take(one, "/name", ancestor.program.comm);
    Take(one, "/executable", ancestor.program.exe);
    Take(one, "/script", ancestor.program.script);
  }
  return who;
}

std::shared_ptr<const host::Home> TakeHome(const Json& line) {
  auto home = std::make_shared<host::Home>();
  Take(line, "/belfry/cgroup", home->cgroup);
  Take(line, "/belfry/anchored", home->anchored);
  Take(line, "/belfry/unit", home->unit);
  Take(line, "/belfry/pod", home->pod);
  Take(line, "/container/id", home->container);
  return home;
}

}  // namespace

std::string ToJson(const Entry& entry) {
  Json line{{"schema", 1}, {"@timestamp", Timestamp(WallOf(entry))}};
  line["event"]["kind"] = entry.violation ? "alert" : "event";
  line["event"]["action"] = entry.action;
  Put(line["event"], "outcome", entry.outcome);
  if (!entry.reasons.empty()) line["event"]["reason"] = entry.reasons;
  Put(line, "message", entry.message, kMessageBytes);
  if (!entry.rule.empty()) Put(line["rule"], "name", entry.rule);
  PutWho(line, entry);
  PutUser(line, entry);
  PutAddress(line, "source", entry.source);
  PutAddress(line, "destination", entry.destination);
  if (entry.home != nullptr && !entry.home->container.empty()) Put(line["container"], "id", entry.home->container);
  Json own;
  PutOwn(own, entry);
  if (!own.is_null()) line["belfry"] = std::move(own);
  return line.dump();
}

std::optional<Entry> FromJson(const std::string& text) {
  const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  Entry entry;
  if (!line.is_object()) return std::nullopt;
  Take(line, "/event/action", entry.action);
  if (entry.action.empty()) return std::nullopt;
  std::string timestamp;
  Take(line, "/@timestamp", timestamp);
  entry.wall_ns = ParseTimestamp(timestamp);
  Take(line, "/event/outcome", entry.outcome);
  Take(line, "/event/reason", entry.reasons);
  Take(line, "/message", entry.message);
  Take(line, "/rule/name", entry.rule);
  Take(line, "/process/pid", entry.pid);
  Take(line, "/process/name", entry.comm);
  Take(line, "/process/executable", entry.path);
  Take(line, "/user/id", entry.uid);
  Take(line, "/user/name", entry.user);
  Take(line, "/group/id", entry.gid);
  Take(line, "/group/name", entry.group);
  Take(line, "/source/ip", entry.source.ip);
  Take(line, "/source/port", entry.source.port);
  Take(line, "/destination/ip", entry.destination.ip);
  Take(line, "/destination/port", entry.destination.port);
  entry.served_by = TakeServers(line);
  Take(line, "/belfry/guard", entry.guard);
  Take(line, "/belfry/socket", entry.socket);
  Take(line, "/belfry/mode", entry.mode);
  Take(line, "/belfry/verdict", entry.verdict);
  entry.violation = line.value("/belfry/violation"_json_pointer, Json(false)) == Json(true);
  entry.elsewhere = line.value("/belfry/elsewhere"_json_pointer, Json(false)) == Json(true);
  Take(line, "/belfry/connection", entry.cookie);
  Take(line, "/belfry/start_ns", entry.pid_start_ns);
  Take(line, "/belfry/program", entry.kernel_program);
  Take(line, "/belfry/count", entry.count);
  Take(line, "/belfry/connects", entry.connects);
  entry.who = TakeWho(line);
  entry.home = TakeHome(line);
  return entry;
}

}  // namespace belfry::effect
