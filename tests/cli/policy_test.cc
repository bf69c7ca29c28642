// What a policy is told to be: a second look at a good one, and a process held against its rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/golden.h"
#include "cli/policy_check.h"
#include "cli/render_policy.h"
#include "cli/samples.h"
#include "support/temporary_folder.h"

namespace belfry::cli {
namespace {

using testing::ElementsAre;

TEST(PolicyCheck, SaysWhatIsWorthASecondLook) {
  const auto config = engine::ParseConfig("b.yaml", R"(version: 1
guards:
  - name: docker
    unix: /a
    allow:
      - { user: root }
      - { user: root, exe: /bin/sh }
      - { exe: /nonexistent/x, uid: 5 }
      - { script: /opt/x.sh }
  - { name: open, unix: /b }
  - { name: shut, unix: /c, allow: [], mode: deny, limit: { per: uid, rate: 20/s, burst: 50 } }
)", {.users = {{"root", 0}}, .groups = {}});
  ASSERT_TRUE(config.ok()) << config.status();
  const PolicyChecked checked = NotesOn(*config);
  EXPECT_EQ(checked.summary, "3 guards, 4 rules");
  EXPECT_THAT(checked.notes,
              ElementsAre("b.yaml:8: guard docker, rule 3: /nonexistent/x is not there; it counts from when it is",
                          "b.yaml:9: guard docker, rule 4: script without exe: whatever interprets it is trusted with it",
                          "b.yaml:7: guard docker, rule 2: never decides: rule 1 (line 6) fits whoever it fits",
                          "b.yaml:10: guard open, no allow: everyone may connect",
                          "b.yaml:11: guard shut, limit 20/s per uid, burst 50: in deny backend cgroup refuses to guard it, for it "
                          "cannot refuse a connect",
                          "b.yaml:11: guard shut, allow is empty: nobody but its own listener may connect"));
}

TEST(PolicyExplain, AsGolden) {
  v1::PolicyReply allowed = NotAllowedStory();
  allowed.set_answer("allowed");
  allowed.set_fits(true);
  allowed.mutable_fields(0)->set_holds(true);
  allowed.mutable_fields()->DeleteSubrange(1, 2);
  v1::PolicyReply warned = NotAllowedStory();
  warned.set_says("warn");
  warned.clear_fields();
  warned.clear_rule();
  v1::PolicyReply own = warned;
  own.set_answer("own");
  v1::PolicyReply no_rules = warned;
  no_rules.set_answer("no_rules");
  std::string text;
  for (const v1::PolicyReply& reply : {NotAllowedStory(), allowed, warned, own, no_rules}) text += RenderPolicy(reply, {.width = 100}) + "\n";
  ExpectGolden("policy_explain.txt", text + RenderPolicy(NotAllowedStory(), {.width = 60, .colours = true}));
}

}  // namespace
}  // namespace belfry::cli
