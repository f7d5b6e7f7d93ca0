// Generations, one step at a time.
#include "reclaim/gen_lru.h"

#include <gtest/gtest.h>

#include "reclaim/testing_users.h"

namespace quire::reclaim {
namespace {

using Machine = ListMachine<GenLru>;
using stats::VmEvent;
constexpr folio::GroupId kRoot = folio::kRootGroup;

std::vector<Pfn> map_many(Machine& m, int n) {
  std::vector<Pfn> heads;
  for (int i = 0; i < n; ++i) heads.push_back(m.map());
  return heads;
}

// 720 - a fault's folio joins the youngest generation but one
//
//   gen    0   1   2   3        max_seq = 3
//                  n
TEST(GenLru, NewFoliosAreSecondYoungest) {
  Machine m;
  map_many(m, 5);
  EXPECT_EQ(m.lists.max_seq(kRoot), 3U);
  EXPECT_EQ(m.lists.pages_in(kRoot, 2), PageCount(5));
  EXPECT_EQ(m.broken(), "");
}

// 721 - the first call for memory ages, the next ones take what nobody used
TEST(GenLru, AgesThenTakesTheOldest) {
  Machine m;
  const auto old = map_many(m, 100);
  EXPECT_GE(m.reclaim(32), 32U);
  EXPECT_EQ(m.lists.max_seq(kRoot), 5U);  // twice: two generations stay whatever happens
  for (std::size_t i = 0; i < m.users.went.size(); ++i) EXPECT_EQ(m.users.went[i], old[i].raw());
  EXPECT_EQ(m.broken(), "");
}

// 722 - a walk notes the first use and promotes on the second
TEST(GenLru, TheSecondWalkThatSeesAUsePromotes) {
  Machine m;
  map_many(m, 200);
  const Pfn head = m.map();
  m.users.use(head);
  m.reclaim(32);
  ASSERT_EQ(m.table.slot(head).referenced, 1);
  EXPECT_EQ(m.table.slot(head).workingset, 0);
  for (int round = 0; round < 6 && m.table.slot(head).workingset == 0; ++round) {
    m.users.use(head);
    map_many(m, 64);
    m.reclaim(64);
  }
  EXPECT_EQ(m.table.slot(head).workingset, 1);
  EXPECT_EQ(std::ranges::count(m.users.went, head.raw()), 0);
  EXPECT_EQ(m.broken(), "");
}

// 723 - what is in use again and again stays, what is not goes
TEST(GenLru, HotFoliosSurvive) {
  Machine m;
  map_many(m, 2000);
  const auto hot = map_many(m, 100);
  for (int round = 0; round < 200; ++round) {
    map_many(m, 32);
    for (const Pfn head : hot) m.users.use(head);
    m.reclaim(32);
  }
  EXPECT_GE(m.users.went.size(), 6000U);
  for (const Pfn head : hot) EXPECT_EQ(std::ranges::count(m.users.went, head.raw()), 0) << head.raw();
  EXPECT_EQ(m.broken(), "");
}

// 724 - one walk of the reverse map also hears of the neighbours
TEST(GenLru, LooksAroundAFolioInUse) {
  Machine m;
  const auto heads = map_many(m, 256);
  m.reclaim(1);  // ages: nothing is in use
  const std::uint64_t walks = m.users.walks;
  std::vector<Pfn> block;
  for (const Pfn head : heads)
    if (m.table.on_list(head) && head.raw() / 8 == heads[200].raw() / 8) block.push_back(head);
  ASSERT_EQ(block.size(), 8U);
  for (const Pfn head : block) m.users.use(head);
  m.reclaim(180);
  EXPECT_TRUE(m.users.used.empty());
  EXPECT_LE(m.users.walks - walks, 200U);
  EXPECT_EQ(m.broken(), "");
}

// 725 - a tier whose folios come back more often than the lowest is kept longer
TEST(GenLru, ATierThatComesBackIsKept) {
  Machine m;
  std::vector<std::pair<Shadow, bool>> gone;
  m.users.on_evict = [&](Pfn head) {
    gone.emplace_back(m.lists.evicted(head), m.table.slot(head).workingset != 0);
  };
  // Folios of the working set that go all the same, and come back.
  for (int round = 0; round < 40; ++round) {
    const auto heads = map_many(m, 100);
    for (std::size_t i = 0; i < heads.size(); i += 2) m.table.slot(heads[i]).workingset = 1;
    m.reclaim(64);
    for (const auto& [shadow, workingset] : gone) {
      if (!workingset) continue;
      const Pfn back = *m.folios.allocate(kOrder0);
      m.lists.refaulted(back, shadow);
      m.folios.add_new_anon_rmap(back, {1, 0}, folio::MmId(1), folio::MappedBy::kPtes);
    }
    gone.clear();
  }
  EXPECT_GT(m.counters.get(VmEvent::workingset_refault_anon), 64U);
  EXPECT_EQ(m.counters.get(VmEvent::workingset_restore_anon),
            m.counters.get(VmEvent::workingset_activate_anon));
  EXPECT_GT(m.counters.get(VmEvent::pgrefill), 0U);  // kept by the controller, or promoted
  EXPECT_EQ(m.broken(), "");
}

// 726 - a folio that comes back after four generations is a stranger
TEST(GenLru, AnOldShadowSaysNothing) {
  Machine m;
  Shadow first;
  m.users.on_evict = [&](Pfn head) {
    if (!first.valid()) first = m.lists.evicted(head);
  };
  for (int round = 0; round < 30; ++round) {
    map_many(m, 100);
    m.reclaim(100);
  }
  ASSERT_TRUE(first.valid());
  ASSERT_GE(m.lists.max_seq(kRoot), 9U);
  const Pfn back = *m.folios.allocate(kOrder0);
  m.lists.refaulted(back, first);
  m.folios.put(back);
  EXPECT_EQ(m.counters.get(VmEvent::workingset_refault_anon), 1U);
  EXPECT_EQ(m.counters.get(VmEvent::workingset_activate_anon), 0U);
}

// 727 - without swap only what MADV_FREE marked goes
TEST(GenLru, WithoutSwapOnlyWhatCanBeDropped) {
  Machine m;
  const auto heads = map_many(m, 32);
  m.memory.frame(heads[7]).lazyfree = 1;
  m.lists.replace(heads[7]);
  m.users.swap = false;
  for (int i = 0; i < 4; ++i) m.reclaim(32);
  EXPECT_EQ(m.users.went, std::vector{heads[7].raw()});
  EXPECT_EQ(m.broken(), "");
}

}  // namespace
}  // namespace quire::reclaim
