// What one scene showed, and what it had to show: plain facts for the story, the JSON and the verdict on the demo.
// Pure; thread-safe.
#ifndef BELFRY_DEMO_RESULT_H_
#define BELFRY_DEMO_RESULT_H_

#include <string>
#include <vector>

#include "demo/wire.h"

namespace belfry::demo {

struct ProcSays {
  std::string path;    // empty: cannot be read
  std::string sha256;  // hex; empty: cannot be read
  bool would_issue = false;
  std::string identity;  // what stock SPIRE would have issued
  std::string why_not;
  bool really = false;  // a real SPIRE was asked: not "would issue" but "issued"
};

// One question to the Workload API.
struct Request {
  std::string who;  // "payments", "the accomplice"
  ProcSays proc;
  std::string verdict;               // sound, withheld, unavailable; not_asked: it broke off for another reason
  bool cut_first = false;            // withheld by cutting the connection before the request could arrive
  std::vector<std::string> reasons;  // taint names
  std::vector<std::string> noted;    // class B: known, shown, not withheld
  std::string absent;                // why path and digest are not said, if they are not
  std::string message;               // the plugin's
  std::string identity;              // what the asker really received; empty: nothing
};

struct Expected {
  std::string verdict;                // of every request; empty: any
  std::vector<std::string> reasons;   // at least one of these must be among a withheld request's
  std::vector<std::string> identity;  // names below the trust domain, one a request; "" nothing. One entry: for all
  std::vector<std::string> noted;     // all of these
};

struct SceneResult {
  std::string name;
  std::string title;
  std::vector<Request> requests;
  std::vector<std::string> notes;  // facts of the scene itself: "foreign code ran in it"
  Expected expected;
  std::string skipped;  // what is missing; empty: it was played
  std::string trouble;  // why the play itself broke off
  bool ok = false;
};

inline constexpr char kTrustDomain[] = "demo.belfry";
std::string IdentityOf(const std::string& name);  // "" stays ""

// Empty if the result is what was promised, else what differs.
std::string Differs(const SceneResult& result);

// reasons named in the plugin's one-line message, in the order of enum belfry_taint.
std::vector<std::string> ReasonsIn(const std::string& message);

ProcSays ProcSaysFrom(const Json& stock);  // of StockJson
// One event of the agent ({"event":"answered", ...}), without who asked and what was received.
Request RequestFrom(const Json& answered);

Json ResultJson(const SceneResult& result);
Json ReportJson(const std::string& backend, const std::vector<SceneResult>& results);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_RESULT_H_
