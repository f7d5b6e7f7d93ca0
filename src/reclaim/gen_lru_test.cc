// Generations, one step at a time.
#include "reclaim/gen_lru.h"

#include <gtest/gtest.h>

#include <set>

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

// 724 - one walk of the reverse map also hears of the neighbours that are on a list; those that were
// taken off it together have their own
TEST(GenLru, LooksAroundAFolioInUse) {
  Machine m;
  const auto heads = map_many(m, 256);
  m.reclaim(1);  // ages: nothing is in use
  std::vector<Pfn> oldest_first;
  for (const Pfn head : heads)
    if (m.table.on_list(head)) oldest_first.push_back(head);
  // Eight that lie together, four of them the last of a batch of 64.
  std::size_t first = 60;
  while (oldest_first[first].raw() % 8 != 0) ++first;
  for (std::size_t i = 0; i + 60 < first; ++i) m.unmap(oldest_first[i]);
  const std::uint64_t walks = m.users.walks;
  m.users.went.clear();
  for (std::size_t i = first; i < first + 8; ++i) m.users.use(oldest_first[i]);
  ScanControl sc{.nr_to_reclaim = 180, .priority = 0};
  m.lists.shrink(folio::kRootGroup, sc);
  EXPECT_TRUE(m.users.used.empty());
  EXPECT_GE(m.users.went.size(), 180U);
  EXPECT_EQ(m.users.walks - walks, m.users.went.size() + 4);
  EXPECT_EQ(m.broken(), "");
}

// 725 - a tier whose folios come back more often than the lowest is kept longer
TEST(GenLru, ATierThatComesBackIsKept) {
  Machine m;
  std::vector<std::pair<Shadow, bool>> gone;
  m.users.on_evict = [&](Pfn head) {
    gone.emplace_back(m.lists.evicted(head, folio::kRootGroup), m.table.slot(head).workingset != 0);
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
    if (!first.valid()) first = m.lists.evicted(head, folio::kRootGroup);
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
  m.users.swap = PageCount();
  for (int i = 0; i < 4; ++i) m.reclaim(32);
  EXPECT_EQ(m.users.went, std::vector{heads[7].raw()});
  EXPECT_EQ(m.broken(), "");
}

// 728 - what comes first is decided by swappiness where nothing has come back yet: what costs nothing,
// or at 200 the anonymous; the last 64 slots of swap are left alone
TEST(GenLru, SwappinessDecidesWhatComesFirst) {
  const auto clean_among_first = [](std::uint32_t swappiness, PageCount swap) {
    Machine m;
    const auto heads = map_many(m, 256);
    ScanControl ages{.priority = 1};
    m.lists.shrink(folio::kRootGroup, ages);
    for (std::size_t i = 0; i < heads.size(); i += 2) m.memory.frame(heads[i]).lazyfree = 1;
    for (std::size_t i = 0; i < heads.size(); i += 2) m.lists.replace(heads[i]);
    m.users.swap = swap;
    for (int i = 0; i < 3 && m.users.went.empty(); ++i) {
      ScanControl sc{.who = Reclaimant::kGroup, .swappiness = swappiness, .priority = 1};
      m.lists.shrink(folio::kRootGroup, sc);
    }
    std::set<std::uint64_t> clean;
    for (std::size_t i = 0; i < heads.size(); i += 2) clean.insert(heads[i].raw());
    return std::pair(std::ranges::count_if(m.users.went, [&](auto n) { return clean.contains(n); }),
                     std::ssize(m.users.went));
  };
  const auto [clean60, all60] = clean_among_first(60, PageCount(1000));
  EXPECT_EQ(clean60, std::min<std::ptrdiff_t>(all60, 128));
  EXPECT_GT(clean60, 0);
  const auto [clean200, all200] = clean_among_first(200, PageCount(1000));
  EXPECT_EQ(clean200, std::max<std::ptrdiff_t>(all200 - 128, 0));
  EXPECT_GT(all200, 0);
  const auto [clean_short, all_short] = clean_among_first(200, PageCount(63));
  EXPECT_EQ(clean_short, all_short);
}

// 729 - MADV_COLD forgets what is known of a folio; one of the oldest generation stays where it is
TEST(GenLru, ColdNeverMakesYounger) {
  Machine m;
  const auto heads = map_many(m, 256);
  ScanControl ages{.priority = 1};
  m.lists.shrink(folio::kRootGroup, ages);
  const Pfn oldest = heads[0];
  const auto gen = m.table.slot(oldest).gen;
  m.table.slot(oldest).workingset = 1;
  m.table.slot(oldest).referenced = 1;
  m.lists.deactivate(oldest);
  EXPECT_EQ(m.table.slot(oldest).gen, gen);
  EXPECT_EQ(m.table.slot(oldest).workingset, 0);
  EXPECT_EQ(m.table.slot(oldest).referenced, 0);
  EXPECT_EQ(m.counters.get(VmEvent::pgdeactivate), 0U);
  EXPECT_EQ(m.broken(), "");
}

}  // namespace
}  // namespace quire::reclaim
