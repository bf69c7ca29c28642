#include "demo/result.h"

#include <grpcpp/support/status.h>

#include <algorithm>

#include "belfry/wire.h"
#include "kit/escape.h"
#include "verdict/soundness.h"

namespace belfry::demo {
namespace {

std::string VerdictOf(int code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "sound";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "withheld";
    case grpc::StatusCode::UNAVAILABLE:
      return "unavailable";
    default:
      return "error " + std::to_string(code);
  }
}

bool Contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string Joined(const std::vector<std::string>& words, const char* empty = "nothing") {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : ", ") + word;
  return line.empty() ? empty : line;
}

std::string Differs(const Request& request, const Expected& expected, const std::string& identity) {
  const bool verdict_ok = expected.verdict.empty() || request.verdict == expected.verdict;
  if (!verdict_ok) return request.who + ": " + request.verdict + " instead of " + expected.verdict;
  if (request.identity != IdentityOf(identity)) {
    return request.who + " received " + (request.identity.empty() ? "nothing" : request.identity);
  }
  if (!expected.reasons.empty() &&
      std::none_of(expected.reasons.begin(), expected.reasons.end(),
                   [&](const std::string& reason) { return Contains(request.reasons, reason); })) {
    return "reasons are " + Joined(request.reasons) + ", none of " + Joined(expected.reasons);
  }
  for (const std::string& taint : expected.noted) {
    if (!Contains(request.noted, taint) && !Contains(request.reasons, taint)) return taint + " was not shown";
  }
  return "";
}

Json RequestJson(const Request& request) {
  return {{"who", request.who},
          {"proc_says",
           {{"path", kit::Escape(request.proc.path, 4096)},
            {"sha256", request.proc.sha256},
            {"would_issue", request.proc.would_issue},
            {"identity", request.proc.identity},
            {"really", request.proc.really},
            {"why_not", kit::Escape(request.proc.why_not)}}},
          {"verdict", request.verdict},
          {"reasons", request.reasons},
          {"cut_first", request.cut_first},
          {"noted", request.noted},
          {"absent", kit::Escape(request.absent)},
          {"message", kit::Escape(request.message, 512)},
          {"identity", request.identity}};
}

}  // namespace

std::string IdentityOf(const std::string& name) {
  return name.empty() ? "" : std::string("spiffe://") + kTrustDomain + "/" + name;
}

std::string Differs(const SceneResult& result) {
  if (!result.trouble.empty()) return result.trouble;
  if (result.requests.empty()) return "nobody asked for an identity";
  const std::vector<std::string>& identities = result.expected.identity;
  for (size_t i = 0; i < result.requests.size(); ++i) {
    const std::string identity = identities.empty() ? "" : identities[std::min(i, identities.size() - 1)];
    std::string differs = Differs(result.requests[i], result.expected, identity);
    if (!differs.empty()) return differs;
  }
  return "";
}

std::vector<std::string> ReasonsIn(const std::string& message) {
  std::vector<std::string> known;
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint) known.push_back(verdict::TaintName(taint));
  known.push_back("no_such_process");
  std::vector<std::string> found;
  for (const std::string& name : known) {
    for (size_t at = message.find(name); at != std::string::npos; at = message.find(name, at + 1)) {
      const size_t after = at + name.size();
      const auto word = [&](size_t i) { return isalnum(static_cast<unsigned char>(message[i])) || message[i] == '_'; };
      if ((at > 0 && word(at - 1)) || (after < message.size() && word(after))) continue;
      found.push_back(name);
      break;
    }
  }
  return found;
}

ProcSays ProcSaysFrom(const Json& stock) {
  return {stock.value("path", ""), stock.value("sha256", ""), stock.value("would_issue", false),
          stock.value("identity", ""), stock.value("why_not", "")};
}

Request RequestFrom(const Json& answered) {
  Request request;
  request.proc = ProcSaysFrom(answered.value("proc_says", Json::object()));
  request.message = answered.value("message", "");
  request.verdict = VerdictOf(answered.value("code", -1));
  const Json belfry = answered.value("belfry", Json::object());
  if (request.verdict == "sound") {
    request.absent = belfry.value("absent", "");
    request.noted = belfry.value("image_taints", std::vector<std::string>());
  } else {
    request.reasons = ReasonsIn(request.message);
  }
  return request;
}

// The scene's own fields are those of its last request: the one that the scene is about.
Json ResultJson(const SceneResult& result) {
  Json json = RequestJson(result.requests.empty() ? Request() : result.requests.back());
  json.erase("who");
  json["name"] = result.name;
  json["title"] = result.title;
  json["expected"] = {{"verdict", result.expected.verdict},
                      {"reasons", result.expected.reasons},
                      {"identity", Json::array()}};
  for (const std::string& name : result.expected.identity) json["expected"]["identity"].push_back(IdentityOf(name));
  json["ok"] = result.ok;
  json["notes"] = result.notes;
  json["requests"] = Json::array();
  for (const Request& request : result.requests) json["requests"].push_back(RequestJson(request));
  if (!result.skipped.empty()) json["skipped"] = result.skipped;
  if (!result.ok && result.skipped.empty()) json["differs"] = Differs(result);
  return json;
}

Json ReportJson(const std::string& backend, const std::vector<SceneResult>& results) {
  Json scenes = Json::array();
  for (const SceneResult& result : results) scenes.push_back(ResultJson(result));
  return {{"schema", 1}, {"backend", backend}, {"scenes", scenes}};
}

}  // namespace belfry::demo
