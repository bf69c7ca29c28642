// Random facts from a small world, judged twice: by verdict/ and by invariant 2 spelled out as plainly as can be.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "verdict/honest.h"
#include "verdict/soundness.h"

namespace belfry::verdict {
namespace {

class World {
 public:
  explicit World(uint32_t seed) : random_(seed) {}

  Facts Next() {
    Facts facts = HonestFacts();
    const size_t connections = Pick(4);
    facts.connections.clear();
    for (size_t i = 0; i < connections; ++i) {
      facts.connections.push_back(ConnectionOf(HonestFacts().live->pin, HonestFacts().live->exe, i));
    }
    // Few changes each time, or nothing would ever be sound.
    for (size_t changes = Pick(3); changes > 0; --changes) Change(facts);
    return facts;
  }

 private:
  uint32_t Pick(uint32_t n) { return random_() % n; }

  void Move(belfry_pin& pin) {
    if (Pick(2))
      pin.start_ns += Pick(3) - 1;
    else
      pin.exec_id += Pick(3) - 1;
  }
  void Move(belfry_file_id& file) {
    switch (Pick(4)) {
      case 0:
        file.ino += Pick(2);
        break;
      case 1:
        file.generation += Pick(2);
        break;
      case 2:
        file.dev += Pick(2);
        break;
      default:
        file.ctime_ns += Pick(9);
        break;
    }
  }
  void Move(belfry_live& live) {
    switch (Pick(4)) {
      case 0:
        Move(live.pin);
        break;
      case 1:
        Move(live.exe);
        break;
      case 2:
        live.threads = Pick(3);
        break;
      default:
        live.kernel_thread = Pick(2);
        break;
    }
  }
  void Change(Facts& facts) {
    if (!facts.connections.empty() && Pick(2)) return Change(facts.connections[Pick(facts.connections.size())]);
    switch (Pick(7)) {
      case 0:
        if (facts.live) Move(*facts.live);
        facts.live_after = facts.live;
        break;
      case 1:
        if (facts.live_after) Move(*facts.live_after);
        break;
      case 2:
        if (facts.process) Move(facts.process->pin);
        break;
      case 3:
        if (facts.process) Move(facts.process->image);
        break;
      case 4:
        if (facts.process) facts.process->image_flags ^= 1u << Pick(8);
        break;
      case 5:
        facts.gap = Pick(2);
        break;
      default:
        if (Pick(2))
          facts.process.reset();
        else
          facts.live.reset();
        break;
    }
  }
  void Change(ConnectionFacts& connection) {
    switch (Pick(5)) {
      case 0:
        Move(connection.record.opener);
        break;
      case 1:
        Move(connection.record.exe);
        break;
      case 2:
        connection.record.taints |= 1u << Pick(BELFRY_TAINT_COUNT);
        break;
      case 3:
        connection.alive = false;
        break;
      default:
        connection.foreign_holders.push_back(
            support::FakeKernel::ClientSlot(connection.cookie, support::Pin(kTgid + Pick(2), 1000 + Pick(2), 3), 4));
        break;
    }
  }

  std::mt19937 random_;
};

bool Same(const belfry_file_id& a, const belfry_file_id& b) {
  return a.ino == b.ino && a.generation == b.generation && a.dev == b.dev;
}

// "Sound means all of it" (design 3.2), read aloud.
bool InvariantTwo(const Facts& f) {
  if (!f.live || !f.live_after) return false;
  for (const belfry_live* look : {&*f.live, &*f.live_after}) {
    if (look->threads == 0 || look->kernel_thread) return false;
    // What lives now is one process, in one image, for as long as we looked.
    if (look->pin.start_ns != f.live->pin.start_ns || look->pin.exec_id != f.live->pin.exec_id) return false;
    if (!Same(look->exe, f.live->exe)) return false;
  }
  // An exec record of this very process must be of the exec that runs, and its image what runs.
  if (f.process && f.process->pin.start_ns == f.live->pin.start_ns) {
    if (f.process->pin.exec_id != f.live->pin.exec_id) return false;
    if (!(f.process->image_flags & BELFRY_IMAGE_BACKFILLED) && !Same(f.process->image, f.live->exe)) return false;
  }
  if (f.gap) return false;
  int live = 0;
  for (const ConnectionFacts& c : f.connections) {
    if (!c.alive) continue;
    ++live;
    for (int taint = 0; taint <= BELFRY_TAINT_EXE_REPLACED; ++taint) {  // class A, in wire.h's order
      if (c.record.taints >> taint & 1) return false;
    }
    if (c.record.opener.start_ns != f.live->pin.start_ns) return false;
    if (c.record.opener.exec_id != f.live->pin.exec_id) return false;
    if (!Same(c.record.exe, f.live->exe)) return false;
    for (const belfry_socket& holder : c.foreign_holders) {
      if (holder.holder_tgid != kTgid || holder.holder_start_ns != f.live->pin.start_ns) return false;
    }
  }
  return live > 0;
}

// The number changed hands while we looked, and this is the new owner's connection.
bool Successor(const Facts& f, const ConnectionFacts& c) {
  const bool other = !f.live || f.live->threads == 0 || f.live->kernel_thread ||
                     (f.live_after && f.live->pin.start_ns != f.live_after->pin.start_ns);
  const bool lives = f.live_after && f.live_after->threads != 0 && !f.live_after->kernel_thread;
  return other && lives && c.record.opener.start_ns == f.live_after->pin.start_ns &&
         c.record.opener.exec_id == f.live_after->pin.exec_id;
}

TEST(Judge, AgreesWithInvariantTwoOnRandomFacts) {
  World world(20260101);
  int sound = 0, withheld = 0;
  for (int round = 0; round < 200000; ++round) {
    const Facts facts = world.Next();
    const Verdict verdict = Judge(facts, {});
    ASSERT_EQ(verdict.outcome == Outcome::kSound, InvariantTwo(facts)) << "round " << round;
    ASSERT_EQ(verdict.outcome == Outcome::kSound, verdict.reasons.empty()) << "round " << round;
    ASSERT_TRUE(std::is_sorted(verdict.reasons.begin(), verdict.reasons.end()));
    // Nothing is cut on behalf of a sound one, and only what is alive is cut.
    ASSERT_TRUE(verdict.outcome != Outcome::kSound || verdict.to_cut.empty());
    for (const uint64_t cookie : verdict.to_cut) ASSERT_TRUE(facts.connections[cookie].alive);
    // Cut is exactly what would be withheld if it stood alone: the sound ones of the same number stay.
    std::vector<uint64_t> alone;
    for (const ConnectionFacts& connection : facts.connections) {
      Facts one = facts;
      one.connections = {connection};
      if (connection.alive && Judge(one, {}).outcome == Outcome::kWithheld && !Successor(facts, connection)) {
        alone.push_back(connection.cookie);
      }
    }
    ASSERT_EQ(verdict.to_cut, alone) << "round " << round;
    ++(verdict.outcome == Outcome::kSound ? sound : withheld);
  }
  // The world must have shown enough of both, or it has shown nothing.
  EXPECT_GT(sound, 20000);
  EXPECT_GT(withheld, 20000);
}

}  // namespace
}  // namespace belfry::verdict
