// Invariant 3: absent rather than weak.
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "verdict/honest.h"
#include "verdict/soundness.h"

namespace belfry::verdict {
namespace {

// What may be said, by place and policy: {image, path, preload}.
TEST(Judge, SaysOfTheImageOnlyWhatIsProven) {
  using Said = std::vector<bool>;
  const auto said = [](const std::function<void(Facts&)>& change, const GuardPolicy& policy = {}) {
    Facts facts = HonestFacts();
    change(facts);
    const Verdict v = Judge(facts, policy);
    EXPECT_EQ(v.outcome, Outcome::kSound);
    return Said{v.image_proven, v.path_proven, v.preload_proven};
  };
  const auto no_record = [](Facts& f) { f.process.reset(); };
  const auto backfilled = [](Facts& f) { f.process->image_flags = BELFRY_IMAGE_BACKFILLED; };
  GuardPolicy trusting, containers, rootless;
  trusting.trust_backfill = true;
  containers.container_paths = true;
  rootless.rootless = true;
  EXPECT_EQ(said(no_record), (Said{false, false, false}));
  EXPECT_EQ(said(backfilled), (Said{false, false, false}));
  EXPECT_EQ(said(no_record, trusting), (Said{true, true, false}));
  EXPECT_EQ(said(backfilled, trusting), (Said{true, true, false}));
  EXPECT_EQ(said([](Facts& f) { f.process->image_flags = BELFRY_IMAGE_ENV_UNPROVEN; }), (Said{true, true, false}));
  EXPECT_EQ(said([](Facts& f) { f.process->image_flags = BELFRY_IMAGE_PRELOAD; }), (Said{true, true, false}));

  // Wherever the bit stands, at exec, at connect or now, it counts; only its own policy lifts it.
  const std::vector<std::function<void(Facts&, uint32_t)>> where = {
      [](Facts& f, uint32_t bit) { f.process->place = bit; },
      [](Facts& f, uint32_t bit) { f.connections[0].record.place = bit; },
      [](Facts& f, uint32_t bit) { f.live->place = bit; },
      [](Facts& f, uint32_t bit) { f.live_after->place = bit; },
  };
  struct Place {
    uint32_t bit;
    bool plain, containers, rootless;
  };
  const Place places[] = {
      {BELFRY_PLACE_MNTNS_FOREIGN, false, true, false},
      {BELFRY_PLACE_MNTNS_UNPRIV, false, false, true},
      {BELFRY_PLACE_USERNS, false, false, true},
      {BELFRY_PLACE_ROOT_FOREIGN, false, false, true},
      {BELFRY_PLACE_PIDNS, true, true, true},
      {BELFRY_PLACE_UNKNOWN, false, false, false},
      {BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV, false, false, false},
  };
  for (const Place& place : places) {
    for (const auto& set : where) {
      const auto change = [&](Facts& f) { set(f, place.bit); };
      EXPECT_EQ(said(change), (Said{true, place.plain, true})) << place.bit;
      EXPECT_EQ(said(change, containers), (Said{true, place.containers, true})) << place.bit;
      EXPECT_EQ(said(change, rootless), (Said{true, place.rootless, true})) << place.bit;
    }
  }
}

}  // namespace
}  // namespace belfry::verdict
