// Active and inactive lists, one folio at a time. In the pictures the front of a
// list, where the youngest are, is on the left; reclaim takes from the right.
#include "reclaim/classic_lru.h"

#include <gtest/gtest.h>

#include "reclaim/testing_users.h"

namespace quire::reclaim {
namespace {

using Machine = ListMachine<ClassicLru>;
using stats::VmEvent;

std::vector<std::uint64_t> raw(std::span<const Pfn> heads) {
  std::vector<std::uint64_t> out;
  for (const Pfn head : heads) out.push_back(head.raw());
  return out;
}

std::vector<Pfn> map_many(Machine& m, int n, Order order = kOrder0) {
  std::vector<Pfn> heads;
  for (int i = 0; i < n; ++i) heads.push_back(m.map(order));
  return heads;
}

// 700 - what was mapped first goes first
//
//   inactive  3 2 1 0      take two: 0, 1
TEST(ClassicLru, TakesTheOldestFirst) {
  Machine m;
  const auto heads = map_many(m, 40);
  EXPECT_GE(m.reclaim(2), 2U);
  EXPECT_EQ(m.users.went, raw(std::span(heads).first(m.users.went.size())));
  EXPECT_EQ(m.broken(), "");
}

// 701 - one use keeps a folio once, at the front; a second use makes it active
TEST(ClassicLru, TheSecondUseActivates) {
  Machine m;
  const Pfn head = map_many(m, 1000).front();
  m.users.use(head);
  m.reclaim(1);
  EXPECT_EQ(m.lists.list(folio::kRootGroup, ClassicLru::kInactive).front(), head);
  EXPECT_EQ(m.counters.get(VmEvent::pgactivate), 0U);
  m.users.use(head);
  for (int i = 0; i < 40 && m.counters.get(VmEvent::pgactivate) == 0; ++i) {
    map_many(m, 32);
    m.reclaim(32);
  }
  EXPECT_EQ(m.counters.get(VmEvent::pgactivate), 1U);
  EXPECT_EQ(m.lists.list(folio::kRootGroup, ClassicLru::kActive).front(), head);
  EXPECT_EQ(m.broken(), "");
}

// 702 - folios in use again and again outlive those that are not
TEST(ClassicLru, HotFoliosSurvive) {
  Machine m;
  const auto hot = map_many(m, 100);
  map_many(m, 2000);
  for (int round = 0; round < 200; ++round) {
    map_many(m, 32);
    for (const Pfn head : hot) m.users.use(head);
    m.reclaim(32);
  }
  EXPECT_GE(m.users.went.size(), 6400U);
  for (const Pfn head : hot) EXPECT_EQ(std::ranges::count(m.users.went, head.raw()), 0) << head.raw();
  EXPECT_EQ(m.broken(), "");
}

// 703 - when the active list outgrows the inactive one its oldest come back, marked as
// a part of the working set
TEST(ClassicLru, ActiveFoliosComeBackWhenTheOthersAreFew) {
  Machine m;
  const auto heads = map_many(m, 64);
  for (int i = 0; i < 2; ++i) {
    for (const Pfn head : heads) m.users.use(head);
    ScanControl sc{.priority = 0};
    m.lists.shrink(folio::kRootGroup, sc);
  }
  EXPECT_GT(m.counters.get(VmEvent::pgactivate), 0U);
  EXPECT_GE(m.reclaim(16), 16U);
  EXPECT_GT(m.counters.get(VmEvent::pgdeactivate), 0U);
  EXPECT_EQ(m.counters.get(VmEvent::pgdeactivate), m.counters.get(VmEvent::pgrefill));
  EXPECT_EQ(m.broken(), "");
}

// 704 - the pieces of a split stand where the folio stood, the first nearest the end
//
//   inactive  9 [5 5 5 5] 1   ->   9 7 6 5+ 5 1
TEST(ClassicLru, PiecesTakeThePlaceOfTheWhole) {
  Machine m;
  const Pfn before = m.map();
  const Pfn whole = m.map(Order(2));
  const Pfn after = m.map();
  m.folios.get(whole);
  m.folios.remove_rmap_ptes(whole, 4, folio::MmId(1));
  m.folios.put(whole, 4);
  m.folios.split_into(whole, std::array{kOrder0, kOrder0, kOrder0, kOrder0});
  std::vector<std::uint64_t> oldest_first;
  const auto& list = m.lists.list(folio::kRootGroup, ClassicLru::kInactive);
  for (Pfn p = list.back(); p.valid(); p = m.table.younger(p)) oldest_first.push_back(p.raw());
  const std::uint64_t w = whole.raw();
  EXPECT_EQ(oldest_first, (std::vector{before.raw(), w, w + 3, w + 2, w + 1, after.raw()}));
  EXPECT_EQ(m.broken(), "");
  for (std::uint64_t i = 0; i < 4; ++i) m.folios.put(whole + PageCount(i));
}

// 705 - locked folios are never looked at, and come back when they are unlocked
TEST(ClassicLru, LockedFoliosAreLeftAlone) {
  Machine m;
  const Pfn head = map_many(m, 8).front();
  m.folios.mlock(head);
  EXPECT_EQ(m.reclaim(8), 7U);
  EXPECT_EQ(m.lists.list(folio::kRootGroup, ClassicLru::kUnevictable).back(), head);
  m.folios.munlock(head);
  EXPECT_EQ(m.reclaim(1), 1U);
}

// 706 - without swap only what can be dropped goes, and it goes first with it
TEST(ClassicLru, WhatCostsNothingGoesFirst) {
  Machine m;
  const auto heads = map_many(m, 32);
  m.memory.frame(heads[30]).lazyfree = 1;
  m.lists.replace(heads[30]);
  m.users.swap = PageCount();
  EXPECT_EQ(m.lists.evictable(folio::kRootGroup), PageCount(1));
  EXPECT_EQ(m.reclaim(32), 1U);
  EXPECT_EQ(m.users.went, raw(std::span(heads).subspan(30, 1)));
  EXPECT_EQ(m.counters.get(VmEvent::pgsteal_file), 1U);
  EXPECT_EQ(m.counters.get(VmEvent::pgsteal_anon), 0U);
}

// 707 - a folio that comes back soon after it went becomes active at once; one that comes
// back late does not
TEST(ClassicLru, AnEarlyRefaultActivates) {
  Machine m;
  std::vector<Shadow> shadows;
  m.users.on_evict = [&](Pfn head) { shadows.push_back(m.lists.evicted(head, folio::kRootGroup)); };
  const auto hot = map_many(m, 40);  // active ones, that keep the rest out
  for (int i = 0; i < 2; ++i) {
    for (const Pfn head : hot) m.users.use(head);
    ScanControl sc{.priority = 0};
    m.lists.shrink(folio::kRootGroup, sc);
  }
  map_many(m, 200);
  for (int i = 0; i < 15; ++i) m.reclaim(10);
  ASSERT_GE(shadows.size(), 150U);
  const auto back = [&](Shadow shadow) {
    const Pfn head = *m.folios.allocate(kOrder0);
    m.lists.refaulted(head, shadow);
    m.folios.add_new_anon_rmap(head, {1, 0}, folio::MmId(1), folio::MappedBy::kPtes);
    return head;
  };
  EXPECT_EQ(m.table.slot(back(shadows.front())).active, 0);
  EXPECT_EQ(m.table.slot(back(shadows.back())).active, 1);
  EXPECT_EQ(m.counters.get(VmEvent::workingset_refault_anon), 2U);
  EXPECT_EQ(m.counters.get(VmEvent::workingset_activate_anon), 1U);
  EXPECT_EQ(m.broken(), "");
}

// 708 - a folio costs one look and one walk of the reverse map, whatever its size
TEST(ClassicLru, ALargeFolioCostsOneWalk) {
  Machine large;
  map_many(large, 32, Order(4));
  large.reclaim(512);
  Machine small;
  map_many(small, 512);
  small.reclaim(512);
  EXPECT_EQ(large.counters.get(VmEvent::pgscan_anon), small.counters.get(VmEvent::pgscan_anon));
  EXPECT_EQ(large.counters.get(VmEvent::quire_scanned_folios), 32U);
  EXPECT_EQ(large.counters.get(VmEvent::quire_rmap_walks), 32U);
  EXPECT_EQ(small.counters.get(VmEvent::quire_rmap_walks), 512U);
}

// 709 - groups have lists of their own
TEST(ClassicLru, AGroupIsTakenFromAlone) {
  Machine m;
  const folio::GroupId group = m.groups.create("other");
  map_many(m, 8);
  const Pfn other = m.map(kOrder0, group);
  EXPECT_EQ(m.reclaim(100, group), 1U);
  EXPECT_EQ(m.users.went, std::vector{other.raw()});
}

// 710 - MADV_COLD makes an active folio inactive, at the front; one that is inactive stays where it is
//
//   active 5 ...   inactive 3 2 1 0   ->   inactive 5 3 2 1 0
TEST(ClassicLru, ColdNeverMakesYounger) {
  Machine m;
  const auto heads = map_many(m, 4);
  const Pfn active = *m.folios.allocate(kOrder0);
  m.table.slot(active).active = 1;
  m.folios.add_new_anon_rmap(active, {1, 0}, folio::MmId(1), folio::MappedBy::kPtes);
  const auto& inactive = m.lists.list(folio::kRootGroup, ClassicLru::kInactive);
  m.table.slot(heads[0]).referenced = 1;
  m.lists.deactivate(heads[0]);
  EXPECT_EQ(inactive.back(), heads[0]);
  EXPECT_EQ(m.table.slot(heads[0]).referenced, 0);
  EXPECT_EQ(m.counters.get(VmEvent::pgdeactivate), 0U);
  m.lists.deactivate(active);
  EXPECT_EQ(inactive.front(), active);
  EXPECT_EQ(m.table.slot(active).workingset, 1);
  EXPECT_EQ(m.counters.get(VmEvent::pgdeactivate), 1U);
  EXPECT_EQ(m.broken(), "");
}

// 711 - how long a folio was away is measured in the group that was short of memory: what the machine
// took from others in the meantime counts if the machine took it, and does not if its own group did
TEST(ClassicLru, RefaultsAreMeasuredWhereMemoryWasShort) {
  Machine m;
  const folio::GroupId a = m.groups.create("a"), b = m.groups.create("b");
  for (int i = 0; i < 10; ++i) {  // that would have given way
    const Pfn head = *m.folios.allocate(kOrder0);
    m.table.slot(head).group = a.raw();
    m.table.slot(head).active = 1;
    m.folios.add_new_anon_rmap(head, {1, 0}, folio::MmId(1), folio::MappedBy::kPtes);
  }
  const auto active_again = [&](folio::GroupId target, folio::GroupId target_of_others) {
    const Shadow shadow = m.lists.evicted(m.map(kOrder0, a), target);
    const Pfn other = m.map(kOrder0, b);
    for (int i = 0; i < 200; ++i) (void)m.lists.evicted(other, target_of_others);
    const Pfn back = *m.folios.allocate(kOrder0);
    m.table.slot(back).group = a.raw();
    m.lists.refaulted(back, shadow);
    return m.table.slot(back).active != 0;
  };
  EXPECT_FALSE(active_again(folio::kRootGroup, folio::kRootGroup));
  EXPECT_FALSE(active_again(folio::kRootGroup, b)) << "the machine's order ages with that of its groups";
  EXPECT_TRUE(active_again(a, b));
}

// 712 - after a folio came back too early active ones may be taken from, until a whole call is over
TEST(ClassicLru, ARefaultFreesActiveFoliosForOneCall) {
  Machine m;
  const auto heads = map_many(m, 40);
  ScanControl sc;
  m.lists.prepare(sc);
  EXPECT_FALSE(sc.may_deactivate);
  m.users.swap = PageCount(1000);
  const Shadow shadow = m.lists.evicted(heads[0], folio::kRootGroup);
  const Pfn active = *m.folios.allocate(kOrder0);
  m.table.slot(active).active = 1;
  m.folios.add_new_anon_rmap(active, {1, 0}, folio::MmId(1), folio::MappedBy::kPtes);
  m.lists.refaulted(*m.folios.allocate(kOrder0), shadow);
  ASSERT_EQ(m.counters.get(VmEvent::workingset_activate_anon), 1U);
  for (int i = 0; i < 2; ++i) {
    m.lists.prepare(sc);
    EXPECT_TRUE(sc.may_deactivate);
  }
  m.lists.tried(folio::kRootGroup);
  m.lists.prepare(sc);
  EXPECT_FALSE(sc.may_deactivate);
}

// 713 - a group's call looks at a share of the anonymous folios that swappiness gives; the machine,
// with nothing else to take, at all of them, even if it should not swap
TEST(ClassicLru, SwappinessSharesOutWhatIsLookedAt) {
  const auto taken = [](Reclaimant who, std::uint32_t swappiness) {
    Machine m;
    map_many(m, 1000);
    ScanControl sc{.who = who, .nr_to_reclaim = 100000, .swappiness = swappiness, .priority = 1};
    sc.high = PageCount(1);
    m.lists.prepare(sc);
    m.lists.shrink(folio::kRootGroup, sc);
    return sc.nr_reclaimed;
  };
  EXPECT_EQ(taken(Reclaimant::kGroup, 60), 150U);  // of 500, 60 in 200
  EXPECT_EQ(taken(Reclaimant::kGroup, 200), 500U);
  EXPECT_EQ(taken(Reclaimant::kGroup, 0), 0U);
  EXPECT_EQ(taken(Reclaimant::kKswapd, 60), 500U);
  EXPECT_EQ(taken(Reclaimant::kKswapd, 0), 500U);
}

}  // namespace
}  // namespace quire::reclaim
