// Groups with limits, and who ends when nothing is left.
#include <gtest/gtest.h>

#include "kernel/testing_reclaim.h"

namespace quire {
namespace {

using namespace testing;
using folio::GroupId;
using reclaim::MemCgroup;
using stats::MthpStat;
using stats::VmEvent;

struct Groups : ::testing::Test {
  ReclaimMachine m{{.ram = 64_MiB, .swap = 128_MiB, .policy = "64K", .options = {.min_free = 1_MiB}}};
  GroupId make(ByteCount max, GroupId parent = folio::kRootGroup) {
    const GroupId id = m.reclaimer().groups().create("app", parent);
    m.reclaimer().set_max(id, PageCount::covering(max));
    return id;
  }
  MemCgroup& group(GroupId id) { return m.reclaimer().groups().at(id); }
  // Writes each page once; how many could be.
  std::uint64_t fill(vm::AddressSpace& mm, std::uint64_t pages) {
    const VirtAddr at = ReclaimMachine::map(mm, PageCount(pages).bytes());
    std::uint64_t served = 0;
    for (std::uint64_t i = 0; i < pages; ++i)
      if (is_served(ReclaimMachine::write(mm, at + PageCount(i), i + 1))) ++served;
    return served;
  }
  void TearDown() override { EXPECT_EQ(m.broken(), ""); }
};

// 780 - a group at its limit takes memory back from itself, not from others
TEST_F(Groups, ALimitIsKeptByTakingFromTheGroup) {
  const GroupId app = make(4_MiB);
  vm::AddressSpace& other = m.process();
  EXPECT_EQ(fill(other, 2048), 2048U);
  EXPECT_EQ(fill(m.process(app), 4096), 4096U);
  EXPECT_LE(group(app).current, PageCount(1024));
  EXPECT_LE(group(app).peak, PageCount(1024));
  EXPECT_GT(group(app).events.max, 0U);
  EXPECT_EQ(other.rss().anon(), PageCount(2048));
  EXPECT_EQ(m.count(VmEvent::pgscan_direct), 0U) << "a group's reclaim is not the machine's";
  EXPECT_GT(m.count(VmEvent::pgsteal_anon), 0U);
}

// 781 - bytes of a group under its limit come back
TEST_F(Groups, WhatWentComesBack) {
  vm::AddressSpace& mm = m.process(make(2_MiB));
  const VirtAddr at = ReclaimMachine::map(mm, 8_MiB);
  for (std::uint64_t i = 0; i < 2048; ++i) (void)ReclaimMachine::write(mm, at + PageCount(i), i + 1);
  for (std::uint64_t i = 0; i < 2048; ++i) ASSERT_EQ(ReclaimMachine::read(mm, at + PageCount(i)), i + 1);
}

// 782 - a limit smaller than one folio: the size is refused, smaller ones are tried, 4 KiB serve
TEST_F(Groups, ALimitBelowOneFolioFallsBackToSmallOnes) {
  const GroupId app = make(32_KiB);
  EXPECT_EQ(fill(m.process(app), 64), 64U);
  const auto& counters = m.kernel->system().counters;
  EXPECT_GT(counters.get(MthpStat::anon_fault_fallback_charge, Order(4)), 0);
  EXPECT_EQ(counters.get(MthpStat::anon_fault_fallback_charge, Order(4)),
            counters.get(MthpStat::anon_fault_fallback, Order(4)));
  EXPECT_EQ(counters.get(MthpStat::anon_fault_alloc, Order(4)), 0);
  EXPECT_LE(group(app).current, PageCount(8));
  EXPECT_EQ(group(app).events.oom, 0U);
}

// 783 - no limit of zero: not one page can be charged, the process ends, nobody else is hurt
TEST_F(Groups, ALimitOfNothingEndsTheProcessAlone) {
  const GroupId app = make(0_KiB);
  vm::AddressSpace& other = m.process();
  EXPECT_EQ(fill(other, 128), 128U);
  vm::AddressSpace& mm = m.process(app);
  EXPECT_EQ(fill(mm, 4), 0U);
  EXPECT_TRUE(mm.oom_killed);
  ASSERT_EQ(m.kernel->system().oom_kills.size(), 1U);
  const vm::OomKill& kill = m.kernel->system().oom_kills[0];
  EXPECT_EQ(kill.victim, mm.id());
  EXPECT_EQ(kill.asked_by, mm.id());
  EXPECT_EQ(kill.group, app);
  EXPECT_EQ(group(app).events.oom_kill, 1U);
  EXPECT_FALSE(other.oom_killed);
  EXPECT_EQ(other.rss().anon(), PageCount(128));
}

// 784 - a child is in its parent's group; what they share is charged once
TEST_F(Groups, AChildIsInItsParentsGroup) {
  const GroupId app = make(16_MiB);
  vm::AddressSpace& parent = m.process(app);
  fill(parent, 160);
  EXPECT_EQ(group(app).current, PageCount(160));
  vm::AddressSpace& child = **m.kernel->fork(parent);
  EXPECT_EQ(child.group, app);
  EXPECT_EQ(group(app).current, PageCount(160));
  fill(child, 16);
  EXPECT_EQ(group(app).current, PageCount(176));
  m.kernel->destroy(child);
  EXPECT_EQ(group(app).current, PageCount(160));
}

// 785 - the limit of a group above counts as well
TEST_F(Groups, TheLimitAboveCounts) {
  const GroupId above = make(4_MiB);
  const GroupId a = m.reclaimer().groups().create("a", above);
  const GroupId b = m.reclaimer().groups().create("b", above);
  fill(m.process(a), 768);
  fill(m.process(b), 768);
  EXPECT_LE(group(above).current, PageCount(1024));
  EXPECT_EQ(group(a).current + group(b).current, group(above).current);
  EXPECT_GT(group(above).events.max, 0U);
  EXPECT_EQ(group(a).events.max, 0U);
}

// 786 - above memory.high a group shrinks at the next fault, and nothing is refused
TEST_F(Groups, AboveTheHighMarkItShrinks) {
  const GroupId app = m.reclaimer().groups().create("app");
  m.reclaimer().set_high(app, PageCount(512));
  EXPECT_EQ(fill(m.process(app), 2048), 2048U);
  EXPECT_GT(group(app).events.high, 0U);
  EXPECT_LT(group(app).current, PageCount(512 + 64));
  EXPECT_EQ(group(app).events.max, 0U);
}

// 787 - a limit that is lowered takes back the difference
TEST_F(Groups, ALoweredLimitTakesBack) {
  const GroupId app = make(16_MiB);
  fill(m.process(app), 2048);
  m.reclaimer().set_max(app, PageCount(256));
  EXPECT_LE(group(app).current, PageCount(256));
}

struct Oom : ::testing::Test {
  ReclaimMachine m{{.ram = 32_MiB, .swap = 0_MiB, .options = {.min_free = 1_MiB}}};
  void TearDown() override { EXPECT_EQ(m.broken(), ""); }
  static std::uint64_t fill(vm::AddressSpace& mm, std::uint64_t pages) {
    const VirtAddr at = ReclaimMachine::map(mm, PageCount(pages).bytes());
    std::uint64_t served = 0;
    for (std::uint64_t i = 0; i < pages; ++i)
      if (is_served(ReclaimMachine::write(mm, at + PageCount(i), i + 1))) ++served;
    return served;
  }
};

// 790 - the process that holds most goes; the one who asked gets its page
TEST_F(Oom, TheLargestGoes) {
  vm::AddressSpace& large = m.process();
  vm::AddressSpace& small = m.process();
  EXPECT_EQ(fill(large, 5000), 5000U);
  EXPECT_EQ(fill(small, 4000), 4000U);
  EXPECT_TRUE(large.oom_killed);
  EXPECT_FALSE(small.oom_killed);
  EXPECT_EQ(large.rss().anon(), PageCount(0));
  ASSERT_EQ(m.kernel->system().oom_kills.size(), 1U);
  const vm::OomKill& kill = m.kernel->system().oom_kills[0];
  EXPECT_EQ(kill.victim, large.id());
  EXPECT_EQ(kill.asked_by, small.id());
  EXPECT_EQ(kill.group, folio::kRootGroup);
  EXPECT_EQ(kill.anon, PageCount(5000));
  EXPECT_EQ(kill.points, 5000 + kill.tables.raw());
  EXPECT_EQ(m.count(VmEvent::oom_kill), 1U);
}

// 791 - oom_score_adj: one that is never to go does not, one that is to go first does
TEST_F(Oom, TheScoreCanBeMoved) {
  vm::AddressSpace& precious = m.process();
  vm::AddressSpace& cheap = m.process();
  precious.oom_score_adj = -1000;
  cheap.oom_score_adj = 1000;
  EXPECT_EQ(fill(precious, 5000), 5000U);
  EXPECT_EQ(fill(cheap, 500), 500U);
  EXPECT_EQ(fill(m.process(), 2800), 2800U);
  EXPECT_TRUE(cheap.oom_killed);
  EXPECT_FALSE(precious.oom_killed);
}

// 792 - the victim that asks is told by its own fault, and by each one after
TEST_F(Oom, TheVictimIsToldByItsFault) {
  vm::AddressSpace& mm = m.process();
  EXPECT_LT(fill(mm, 9000), 9000U);
  EXPECT_TRUE(mm.oom_killed);
  EXPECT_EQ(m.count(VmEvent::oom_kill), 1U);
  m.kernel->destroy(mm);
  EXPECT_EQ(fill(m.process(), 1000), 1000U);
}

// 793 - nobody may go: the access fails and nobody is harmed
TEST_F(Oom, WithNobodyToEndTheAccessFails) {
  vm::AddressSpace& mm = m.process();
  mm.oom_score_adj = -1000;
  EXPECT_LT(fill(mm, 9000), 9000U);
  EXPECT_FALSE(mm.oom_killed);
  EXPECT_TRUE(m.kernel->system().oom_kills.empty());
}

// 794 - a page in swap belongs to the group it went from, whoever brings it back
TEST_F(Groups, WhatWasSwappedBelongsToWhoSwappedIt) {
  const GroupId app = make(64_MiB), other = make(64_MiB);
  vm::AddressSpace& parent = m.process(app);
  const VirtAddr at = ReclaimMachine::map(parent, 64_KiB);
  (void)ReclaimMachine::write(parent, at, 1);
  vm::AddressSpace& child = **m.kernel->fork(parent);
  child.group = other;
  ASSERT_GT(m.reclaimer().reclaim(app, PageCount(16)) + m.reclaimer().reclaim(app, PageCount(16)), 0U);
  ASSERT_EQ(group(app).current, PageCount(0));
  EXPECT_EQ(ReclaimMachine::read(child, at), 1U);
  EXPECT_GT(group(app).current.raw(), 0U);
  EXPECT_EQ(group(other).current, PageCount(0));
}

// 795 - a group that is short splits its own partially mapped folios, not those of others
TEST_F(Groups, AGroupSplitsItsOwnPartiallyMapped) {
  const auto leave_a_page = [](vm::AddressSpace& mm) {
    const VirtAddr at = ReclaimMachine::map(mm, 1_MiB).align_up(Order(4));
    for (int i = 0; i < 8; ++i) {
      const VirtAddr folio = at + PageCount(16 * static_cast<std::uint64_t>(i));
      (void)ReclaimMachine::write(mm, folio, 1);
      ASSERT_TRUE(vm::munmap(mm, folio + 4_KiB, 60_KiB));
    }
  };
  vm::AddressSpace& bystander = m.process();
  leave_a_page(bystander);
  const std::size_t others = m.kernel->system().folios.deferred().size();
  ASSERT_EQ(others, 8U);
  const GroupId app = make(1_MiB);
  vm::AddressSpace& mm = m.process(app);
  leave_a_page(mm);
  ASSERT_EQ(m.kernel->system().folios.deferred().size(), 16U);
  fill(mm, 512);
  EXPECT_EQ(m.kernel->system().folios.deferred().size(), others);
}

}  // namespace
}  // namespace quire
