// Allocation that must leave something free, and who is asked when it cannot.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "phys/memory.h"

namespace quire::phys {
namespace {

// Frees what the test gave it, a block at each call.
class Reclaimer final : public ReclaimPort {
 public:
  explicit Reclaimer(PhysMemory& memory) : memory_(memory) {}
  [[nodiscard]] bool reclaiming() const override { return reclaiming_now; }
  void wake_kswapd(Order /*order*/) override { ++wakes; }
  std::uint64_t direct_reclaim(Order /*order*/, MigrateType /*type*/) override {
    ++reclaims;
    if (owned.empty()) return 0;
    memory_.free(owned.back(), kOrder0);
    owned.pop_back();
    return 1;
  }
  [[nodiscard]] PageCount reclaimable() const override { return PageCount(owned.size()); }
  bool out_of_memory(Order /*order*/) override {
    ++kills;
    return false;
  }
  std::vector<Pfn> owned;
  int wakes = 0, reclaims = 0, kills = 0;
  bool reclaiming_now = false;

 private:
  PhysMemory& memory_;
};

struct Machine {
  explicit Machine(ByteCount ram = 16_MiB, ByteCount min_free = 1_MiB)
      : memory(*PhysMemory::create({.ram = ram, .contents = Contents::kNone})), reclaimer(memory) {
    memory.keep_watermarks(reclaimer, {.min_free = min_free});
  }
  // Takes single frames until no more are given without any effort.
  std::vector<Pfn> fill() {
    std::vector<Pfn> got;
    while (const auto p = memory.allocate(kOrder0, MigrateType::kMovable, Effort::kNone)) got.push_back(*p);
    return got;
  }
  [[nodiscard]] PageCount free_in_zones() const {
    PageCount n;
    for (const Zone& zone : memory.zones()) n += zone.free_pages();
    return n;
  }
  PhysMemory memory;
  Reclaimer reclaimer;
};

// The kernel's figures for 24 GiB and for 512 MiB.
TEST(Watermarks, MinFreeIsTheRootOfSixteenTimesTheMemory) {
  EXPECT_EQ(default_min_free(PageCount::covering(16_GiB)), ByteCount(16384ULL << 10));
  EXPECT_EQ(default_min_free(PageCount::covering(512_MiB)), ByteCount(2896ULL << 10));
  EXPECT_EQ(default_min_free(PageCount::covering(256_KiB)), 128_KiB);  // never less
}

// khugepaged wants eleven 2 MiB blocks a zone: 67584 KiB on a machine with three.
TEST(Watermarks, KhugepagedRaisesMinFree) {
  const PhysMemory m = *PhysMemory::create({.ram = 24_GiB, .contents = Contents::kNone});
  EXPECT_EQ(recommended_min_free(m.zones()), ByteCount(67584ULL << 10));
  const PhysMemory small = *PhysMemory::create({.ram = 64_MiB, .contents = Contents::kNone});
  EXPECT_EQ(recommended_min_free(small.zones()).raw(), PageCount(16384 / 20).bytes().raw());
}

// Low and high are a quarter of min above each other, or a thousandth of the zone.
TEST(Watermarks, MarksStandAQuarterApart) {
  const Machine m;
  const Watermarks& marks = m.memory.zones()[0].watermarks();
  EXPECT_EQ(marks.min, PageCount(256));
  EXPECT_EQ(marks.low, PageCount(320));
  EXPECT_EQ(marks.high, PageCount(384));
}

// A lower zone keeps a part of itself from those whom a higher one can serve.
TEST(Watermarks, LowerZonesReserveForThemselves) {
  const Machine m(256_MiB);
  EXPECT_EQ(m.memory.zones()[0].watermarks().reserve, PageCount((65536 - 4096) / 256));
  EXPECT_EQ(m.memory.zones()[1].watermarks().reserve, PageCount(0));
}

// Without effort an allocation stops at the min mark; kswapd hears of nothing.
TEST(SlowPath, NoEffortStopsAtTheMinMark) {
  Machine m;
  const auto got = m.fill();
  EXPECT_EQ(m.free_in_zones(), PageCount(256));
  EXPECT_EQ(m.reclaimer.wakes + m.reclaimer.reclaims, 0);
}

// kswapd is woken below the low mark, once for each allocation there.
TEST(SlowPath, WakesKswapdBelowTheLowMark) {
  Machine m;
  std::size_t taken = 0;
  while (m.reclaimer.wakes == 0 && m.memory.allocate(kOrder0)) ++taken;
  EXPECT_LE(m.free_in_zones(), PageCount(320));
  EXPECT_GE(m.free_in_zones() + PageCount(63), PageCount(320));
  EXPECT_EQ(m.reclaimer.reclaims, 0);
}

// Below the min mark the allocation frees memory itself, and gets it.
TEST(SlowPath, ReclaimsBelowTheMinMarkUntilItHelps) {
  Machine m;
  m.reclaimer.owned = m.fill();
  const std::size_t before = m.reclaimer.owned.size();
  EXPECT_TRUE(m.memory.allocate(kOrder0).has_value());
  EXPECT_GT(m.reclaimer.reclaims, 0);
  EXPECT_LT(m.reclaimer.owned.size(), before);
  EXPECT_EQ(m.reclaimer.kills, 0);
}

// Nothing to free: seventeen fruitless rounds at most, then the killer is asked once.
TEST(SlowPath, AsksForAKillWhenNothingHelps) {
  Machine m;
  const auto got = m.fill();
  EXPECT_FALSE(m.memory.allocate(kOrder0).has_value());
  EXPECT_EQ(m.reclaimer.kills, 1);
  EXPECT_LE(m.reclaimer.reclaims, 17);
}

// One try for those that do not retry; none at all where the order is large.
TEST(SlowPath, NoRetryTriesOnce) {
  Machine m;
  const auto got = m.fill();
  const auto ask = [&](unsigned order) {
    return m.memory.allocate(Order(order), MigrateType::kMovable, Effort::kDirectNoRetry);
  };
  EXPECT_FALSE(ask(0).has_value());
  EXPECT_EQ(m.reclaimer.reclaims, 1);
  EXPECT_FALSE(ask(4).has_value());
  EXPECT_EQ(m.reclaimer.reclaims, 1);
  EXPECT_EQ(m.reclaimer.kills, 0);
}

// Large orders reclaim once and kill nobody.
TEST(SlowPath, LargeOrdersKillNobody) {
  Machine m;
  const auto got = m.fill();
  EXPECT_FALSE(m.memory.allocate(Order(9)).has_value());
  EXPECT_EQ(m.reclaimer.reclaims, 1);
  EXPECT_EQ(m.reclaimer.kills, 0);
}

// Reclaim itself may take what is kept for it.
TEST(SlowPath, ReclaimTakesWhatIsKeptForIt) {
  Machine m;
  const auto got = m.fill();
  m.reclaimer.reclaiming_now = true;
  EXPECT_TRUE(m.memory.allocate(kOrder0).has_value());
  EXPECT_EQ(m.reclaimer.wakes, 0);
}

// A pool serves its order when nothing else can, is filled by what is freed, and
// gives way before anybody is killed.
TEST(BlockPool, ServesItsOrderAndIsRefilled) {
  Machine m;
  m.memory.keep_pool(Order(4), 8);
  EXPECT_EQ(m.memory.refill_pool(), 8U);
  const auto got = m.fill();
  const auto block = m.memory.allocate(Order(4), MigrateType::kMovable, Effort::kNone);
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(m.memory.pool().blocks().size(), 7U);
  EXPECT_EQ(m.memory.pool().served(), 1U);
  EXPECT_FALSE(m.memory.allocate(Order(3), MigrateType::kMovable, Effort::kNone).has_value());
  m.memory.free(*block, Order(4));
  EXPECT_TRUE(m.memory.pool().full());
  EXPECT_TRUE(m.memory.allocate(kOrder0).has_value());
  EXPECT_TRUE(m.memory.pool().blocks().empty());
  base::InvariantReport report;
  m.memory.check_invariants(report);
  EXPECT_TRUE(report.ok()) << report.text();
}

}  // namespace
}  // namespace quire::phys
