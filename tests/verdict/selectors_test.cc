#include "verdict/selectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace belfry::verdict {
namespace {

using testing::ElementsAre;

NameOf Names(std::map<uint32_t, std::string> names) {
  return [names = std::move(names)](uint32_t id) -> std::optional<std::string> {
    const auto found = names.find(id);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(UnixSelectors, AreInTheBuiltInsOrder) {
  Evidence evidence;
  evidence.uid = 1000;
  evidence.gid = 100;
  evidence.supplementary_gids = {27, 5, 27};  // the file's order, not sorted, repeats included
  evidence.path = "/usr/bin/x (deleted)";
  evidence.sha256 = "ab";
  evidence.exe = "8:42:1";
  evidence.preload_none = evidence.traced_no = true;
  evidence.provenance = "connect";
  EXPECT_THAT(UnixSelectors(evidence, Names({{1000, "alice"}}), Names({{100, "users"}, {27, "sudo"}})),
              ElementsAre("uid:1000", "user:alice", "gid:100", "group:users", "supplementary_gid:27",
                          "supplementary_group:sudo", "supplementary_gid:5", "supplementary_gid:27",
                          "supplementary_group:sudo", "path:/usr/bin/x (deleted)", "sha256:ab"));
}

TEST(UnixSelectors, LeaveOutWhatIsNotKnown) {
  EXPECT_THAT(UnixSelectors({}, nullptr, Names({})), ElementsAre("uid:0", "gid:0"));
}

TEST(UnixSelectors, LeaveOutWhatNoProtobufStringCanCarry) {
  Evidence evidence;
  evidence.path = "/tmp/\xff";
  EXPECT_THAT(UnixSelectors(evidence, Names({{0, "r\xc3"}}), nullptr), ElementsAre("uid:0", "gid:0"));
}

TEST(BelfrySelectors, AddGoodStatesOnly) {
  Evidence evidence;
  evidence.uid = evidence.gid = 5;
  evidence.exe = "8:42:1";
  evidence.preload_none = evidence.traced_no = true;
  evidence.provenance = "connect";
  evidence.backend = "cgroup";
  evidence.facts = {"unit:x.service", "script:/opt/\xff", "mntns:host"};
  EXPECT_THAT(BelfrySelectors(evidence, nullptr, nullptr),
              ElementsAre("uid:5", "gid:5", "exe:8:42:1", "nonroot:true", "preload:none", "traced:no", "unit:x.service", "mntns:host",
                          "evidence:connect", "backend:cgroup"));
  EXPECT_THAT(BelfrySelectors({}, nullptr, nullptr), ElementsAre("uid:0", "gid:0"));
}

}  // namespace
}  // namespace belfry::verdict
