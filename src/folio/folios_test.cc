#include "folio/folios.h"

#include <gtest/gtest.h>

namespace quire::folio {
namespace {

using stats::MthpStat;
using stats::VmEvent;

constexpr MmId kA{1}, kB{2}, kC{3};
constexpr Order k64K{4};

phys::PhysMemory machine() {
  auto m = phys::PhysMemory::create({.ram = 32_MiB, .contents = phys::Contents::kNone});
  EXPECT_TRUE(m.has_value());
  return std::move(*m);
}

class FoliosTest : public ::testing::Test {
 protected:
  void TearDown() override {
    base::InvariantReport broken;
    folios.check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
  }

  // A folio as a fault makes it: mapped whole by one address space.
  Pfn fault(Order order, MmId mm = kA, MappedBy by = MappedBy::kPtes) {
    const Pfn head = *folios.allocate(order);
    const auto pages = static_cast<std::uint32_t>(order.pages().raw());
    if (by == MappedBy::kPtes) folios.get(head, pages - 1);
    folios.add_new_anon_rmap(head, {.anon_vma = 1, .index = 100}, mm, by);
    return head;
  }
  void fork(Pfn head, MmId child) {
    const auto pages = static_cast<std::uint32_t>(folios.order_of(head).pages().raw());
    folios.get(head, pages);
    folios.dup_anon_rmap_ptes(head, pages, child);
  }
  void unmap(Pfn page, std::uint32_t n, MmId mm = kA) {
    const Pfn head = folios.head_of(page);
    folios.remove_rmap_ptes(page, n, mm);
    folios.put(head, n);
  }
  void unmap_pmd(Pfn head, MmId mm = kA) {
    folios.remove_rmap_pmd(head, mm);
    folios.put(head);
  }
  // What splitting a PMD does to the counts.
  void split_pmd(Pfn head, MmId mm = kA) {
    folios.get(head, 511);
    folios.add_anon_rmap_ptes(head, 512, mm, Exclusive::kNo);
    folios.remove_rmap_pmd(head, mm);
  }
  [[nodiscard]] std::int64_t stat(MthpStat s, Order order = k64K) const { return counters.get(s, order); }

  phys::PhysMemory memory = machine();
  stats::Counters counters;
  Folios folios{memory, counters};
};

// --- Life and gauges ---

// nr_anon counts a folio from its first map until it is freed, mapped or not.
TEST_F(FoliosTest, NrAnonCountsFromFirstMapToFree) {
  const PageCount free = memory.free_pages();
  const Pfn head = *folios.allocate(k64K);
  EXPECT_EQ(stat(MthpStat::nr_anon), 0);
  folios.get(head, 15);
  folios.add_new_anon_rmap(head, {.anon_vma = 1, .index = 0}, kA, MappedBy::kPtes);
  EXPECT_EQ(stat(MthpStat::nr_anon), 1);
  folios.get(head);
  unmap(head, 16);
  EXPECT_EQ(stat(MthpStat::nr_anon), 1);
  folios.put(head);
  EXPECT_EQ(stat(MthpStat::nr_anon), 0);
  EXPECT_EQ(memory.free_pages(), free);
}

// A page of order 0 has no size directory and no gauge.
TEST_F(FoliosTest, BasePagesHaveNoGauge) {
  const Pfn page = fault(kOrder0);
  EXPECT_EQ(folios.mapcount(page), 1U);
  EXPECT_EQ(counters.get(MthpStat::nr_anon, kOrder0), 0);
  unmap(page, 1);
}

// Every page of a folio leads to its head, whatever its own number.
TEST_F(FoliosTest, EveryPageLeadsToTheHead) {
  const Pfn head = fault(k64K);
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_EQ(folios.head_of(head + PageCount(i)), head);
  EXPECT_TRUE(head.aligned(k64K));
  unmap(head, 16);
}

// Usage counts resident and touched pages, and what was touched at the peak.
TEST_F(FoliosTest, UsageRemembersThePeak) {
  const Pfn a = fault(k64K);
  folios.mark_touched(a + PageCount(3));
  folios.mark_touched(a + PageCount(3));
  const Pfn b = fault(k64K);
  unmap(a, 16);
  EXPECT_EQ(folios.usage().pages, 16U);
  EXPECT_EQ(folios.usage().touched, 0U);
  EXPECT_EQ(folios.usage().peak_pages, 32U);
  EXPECT_EQ(folios.usage().touched_at_peak, 1U);
  unmap(b, 16);
}

// --- Partially mapped ---

// Unmapping all pages in one call is no event; in two calls it is one.
TEST_F(FoliosTest, PartialOnlyWhenSomePagesStay) {
  unmap(fault(k64K), 16);
  EXPECT_EQ(stat(MthpStat::split_deferred), 0);
  const Pfn head = fault(k64K);
  unmap(head, 8);
  EXPECT_EQ(stat(MthpStat::split_deferred), 1);
  EXPECT_EQ(stat(MthpStat::nr_anon_partially_mapped), 1);
  unmap(head + PageCount(8), 4);
  EXPECT_EQ(stat(MthpStat::split_deferred), 1) << "the mark is set once";
  EXPECT_EQ(folios.deferred().size(), 1U);
  unmap(head + PageCount(12), 4);
  EXPECT_EQ(stat(MthpStat::nr_anon_partially_mapped), 0);
  EXPECT_TRUE(folios.deferred().empty());
}

// A page that somebody else still maps has not lost its last map.
TEST_F(FoliosTest, NotPartialWhileAnotherMapsThePage) {
  const Pfn head = fault(k64K);
  fork(head, kB);
  unmap(head, 1, kB);
  EXPECT_EQ(stat(MthpStat::split_deferred), 0);
  unmap(head, 1, kA);
  EXPECT_EQ(stat(MthpStat::split_deferred), 1);
  unmap(head + PageCount(1), 15, kA);
  unmap(head + PageCount(1), 15, kB);
}

// While a PMD maps all of it, no page of the folio is unmapped.
TEST_F(FoliosTest, NotPartialUnderAPmd) {
  const Pfn head = fault(kOrderPmd, kA, MappedBy::kPmd);
  folios.get(head);
  folios.dup_anon_rmap_pmd(head, kB);
  split_pmd(head, kB);
  unmap(head, 1, kB);
  EXPECT_EQ(counters.get(VmEvent::thp_deferred_split_page), 0U);
  unmap(head + PageCount(1), 511, kB);
  unmap_pmd(head);
}

// Removing the last PMD map leaves the folio partially mapped when only some
// pages are mapped by PTEs.
TEST_F(FoliosTest, PartialByRemovingThePmd) {
  const Pfn head = fault(kOrderPmd, kA, MappedBy::kPmd);
  folios.get(head);
  folios.dup_anon_rmap_pmd(head, kB);
  split_pmd(head, kB);
  unmap(head, 100, kB);
  unmap_pmd(head);
  EXPECT_EQ(counters.get(VmEvent::thp_deferred_split_page), 1U);
  EXPECT_EQ(stat(MthpStat::split_deferred, kOrderPmd), 1);
  unmap(head + PageCount(100), 412, kB);
}

// A folio queued as perhaps underused moves no counter until it loses a page.
TEST_F(FoliosTest, UnderusedCandidatesAreNotCounted) {
  const Pfn head = fault(kOrderPmd, kA, MappedBy::kPmd);
  folios.defer_split(head, Folios::Why::kMaybeUnderused);
  EXPECT_EQ(folios.deferred().size(), 1U);
  EXPECT_EQ(stat(MthpStat::split_deferred, kOrderPmd), 0);
  split_pmd(head);
  unmap(head, 1);
  EXPECT_EQ(folios.deferred().size(), 1U);
  EXPECT_EQ(stat(MthpStat::split_deferred, kOrderPmd), 1);
  unmap(head + PageCount(1), 511);
  EXPECT_TRUE(folios.deferred().empty());
}

// Order 1 has no room for the queue's hook.
TEST_F(FoliosTest, OrderOneIsNeverQueued) {
  const Pfn head = fault(Order(1));
  unmap(head, 1);
  EXPECT_TRUE(folios.deferred().empty());
  EXPECT_EQ(stat(MthpStat::split_deferred, Order(1)), 0);
  unmap(head + PageCount(1), 1);
}

// --- Who maps it: the two slots ---

// Fork shares; when the child is gone the parent's slot holds all maps again.
TEST_F(FoliosTest, SharedUntilTheChildIsGone) {
  const Pfn head = fault(k64K);
  EXPECT_FALSE(folios.maybe_mapped_shared(head));
  fork(head, kB);
  EXPECT_TRUE(folios.maybe_mapped_shared(head));
  unmap(head, 15, kB);
  EXPECT_TRUE(folios.maybe_mapped_shared(head)) << "a mapper with maps left is not looked at again";
  unmap(head + PageCount(15), 1, kB);
  EXPECT_FALSE(folios.maybe_mapped_shared(head));
  unmap(head, 16);
}

// The first owner may go instead: then the child is alone.
TEST_F(FoliosTest, SharedUntilTheParentIsGone) {
  const Pfn head = fault(k64K);
  fork(head, kB);
  unmap(head, 16, kA);
  EXPECT_FALSE(folios.maybe_mapped_shared(head));
  unmap(head, 16, kB);
}

// A third process finds no slot. When the two slot owners are gone the folio
// still counts as shared, though one process alone maps it.
TEST_F(FoliosTest, AThirdProcessKeepsTheFolioSharedForEver) {
  const Pfn head = fault(k64K);
  fork(head, kB);
  fork(head, kC);
  unmap(head, 16, kA);
  EXPECT_TRUE(folios.maybe_mapped_shared(head));
  unmap(head, 16, kB);
  EXPECT_EQ(folios.mapcount(head), 16U);
  EXPECT_TRUE(folios.maybe_mapped_shared(head));
  unmap(head, 16, kC);
}

// The third one leaves without a slot; the total then tells who is left.
TEST_F(FoliosTest, AThirdProcessThatLeavesUnsharesTheLastOwner) {
  const Pfn head = fault(k64K);
  fork(head, kB);
  fork(head, kC);
  unmap(head, 16, kB);
  EXPECT_TRUE(folios.maybe_mapped_shared(head));
  unmap(head, 16, kC);
  EXPECT_FALSE(folios.maybe_mapped_shared(head));
  unmap(head, 16, kA);
}

// A freed slot is taken again; whoever takes it while others map the folio
// finds it shared.
TEST_F(FoliosTest, AFreedSlotIsTakenAgain) {
  LargeFolio folio;
  add_maps(folio, kA, 4);
  add_maps(folio, kB, 4);
  remove_maps(folio, kA, 4);
  EXPECT_FALSE(folio.mapped_shared);
  add_maps(folio, kC, 2);
  EXPECT_TRUE(folio.mapped_shared);
  EXPECT_EQ(folio.slots[0].mm, kC);
  remove_maps(folio, kB, 4);
  EXPECT_FALSE(folio.mapped_shared);
}

// A base page is shared exactly when more than one entry maps it.
TEST_F(FoliosTest, BasePagesAreSharedByCount) {
  const Pfn page = fault(kOrder0);
  fork(page, kB);
  EXPECT_TRUE(folios.maybe_mapped_shared(page));
  unmap(page, 1, kB);
  EXPECT_FALSE(folios.maybe_mapped_shared(page));
  unmap(page, 1, kA);
}

// Fork takes exclusivity from every page of the run, and only from those.
TEST_F(FoliosTest, ForkEndsExclusivity) {
  const Pfn head = fault(k64K);
  folios.get(head, 4);
  folios.dup_anon_rmap_ptes(head + PageCount(2), 4, kB);
  for (std::uint64_t i = 0; i < 16; ++i)
    EXPECT_EQ(memory.frame(head + PageCount(i)).anon_exclusive, i >= 2 && i < 6 ? 0U : 1U) << i;
  unmap(head + PageCount(2), 4, kB);
  unmap(head, 16, kA);
}

// --- Splitting ---

// A folio that nothing maps becomes base pages, each with a reference and its
// own place in the file of anonymous pages; its gauges fall.
TEST_F(FoliosTest, SplitMakesBasePages) {
  const Pfn head = fault(k64K);
  folios.get(head);
  unmap(head, 4);
  unmap(head + PageCount(4), 12);
  folios.split_into(head, std::vector<Order>(16));
  EXPECT_EQ(stat(MthpStat::nr_anon), 0);
  EXPECT_EQ(stat(MthpStat::nr_anon_partially_mapped), 0);
  EXPECT_TRUE(folios.deferred().empty());
  for (std::uint64_t i = 0; i < 16; ++i) {
    const Pfn page = head + PageCount(i);
    EXPECT_EQ(folios.head_of(page), page);
    EXPECT_EQ(folios.order_of(page), kOrder0);
    EXPECT_EQ(folios.refcount(page), 1U);
    EXPECT_EQ(memory.frame(page).index(), 100 + i);
    EXPECT_EQ(memory.frame(page).owner_id(), 1U);
    folios.put(page);
  }
  EXPECT_EQ(folios.usage().pages, 0U);
}

// Pieces of any order: each a folio of its own, counted under its size; order
// 0 and 1 are counted nowhere.
TEST_F(FoliosTest, SplitsIntoPiecesOfAnyOrder) {
  const Pfn head = fault(Order(4));
  folios.get(head);
  unmap(head, 16);
  folios.split_into(head, std::vector<Order>{Order(0), Order(0), Order(0), Order(0), Order(2), Order(3)});
  EXPECT_EQ(counters.get(MthpStat::nr_anon, Order(4)), 0);
  EXPECT_EQ(counters.get(MthpStat::nr_anon, Order(2)), 1);
  EXPECT_EQ(counters.get(MthpStat::nr_anon, Order(3)), 1);
  EXPECT_EQ(folios.head_of(head + PageCount(7)), head + PageCount(4));
  EXPECT_EQ(folios.order_of(head + PageCount(8)), Order(3));
  EXPECT_EQ(memory.frame(head + PageCount(8)).index(), 108U);
  for (const std::uint64_t first : {0U, 1U, 2U, 3U, 4U, 8U}) folios.put(head + PageCount(first));
  EXPECT_EQ(folios.usage().pages, 0U);
}

// A folio that only one entry maps is not shared, whatever its mark says: of
// three that mapped it by a PMD, the one without a slot is left.
TEST_F(FoliosTest, ASingleMapIsNotShared) {
  const Pfn head = folios.allocate(kOrderPmd).value();
  folios.add_new_anon_rmap(head, {1, 0}, kA, MappedBy::kPmd);
  const MmId third(77);
  for (const MmId child : {kB, third}) {
    folios.get(head);
    folios.dup_anon_rmap_pmd(head, child);
  }
  for (const MmId gone : {kA, kB}) {
    EXPECT_TRUE(folios.maybe_mapped_shared(head));
    folios.remove_rmap_pmd(head, gone);
    folios.put(head);
  }
  EXPECT_TRUE(folios.large(head).mapped_shared);
  EXPECT_FALSE(folios.maybe_mapped_shared(head));
  folios.remove_rmap_pmd(head, third);
  folios.put(head);
}

// A slot may hold fewer maps than its owner has, who got it late: it is freed,
// not run below zero.
TEST_F(FoliosTest, ASlotTakenLateFallsShort) {
  const Pfn head = fault(Order(4));  // kA
  const MmId late(77);
  fork(head, kB);
  folios.get(head, 16);
  folios.dup_anon_rmap_ptes(head, 16, late);  // no slot is free
  unmap(head, 16, kB);
  folios.get(head);
  folios.add_anon_rmap_ptes(head, 1, late, Exclusive::kNo);  // the second slot, with one of 17
  EXPECT_EQ(folios.large(head).slots[1].mapcount, 1U);
  unmap(head, 16, late);
  EXPECT_FALSE(folios.large(head).slots[1].mm.valid());
  unmap(head, 1, late);
  EXPECT_FALSE(folios.maybe_mapped_shared(head));
  unmap(head, 16, kA);
}

// Records of freed folios are used again and start clean.
TEST_F(FoliosTest, RecordsStartClean) {
  for (int i = 0; i < 3000; ++i) {
    const Pfn head = fault(Order(2));
    EXPECT_FALSE(folios.large(head).partially_mapped || folios.large(head).mapped_shared);
    fork(head, kB);
    unmap(head, 1, kA);
    unmap(head, 4, kB);
    unmap(head + PageCount(1), 3, kA);
  }
  EXPECT_EQ(stat(MthpStat::split_deferred, Order(2)), 3000);
}

// The last of several locks unlocks; one more unlock does no harm.
TEST_F(FoliosTest, LocksAreCounted) {
  const Pfn head = fault(k64K);
  folios.mlock(head);
  folios.mlock(head);
  folios.munlock(head);
  EXPECT_TRUE(folios.mlocked(head));
  folios.munlock(head);
  EXPECT_FALSE(folios.mlocked(head));
  folios.munlock(head);
  folios.mlock(head);
  folios.munlock(head);
  EXPECT_FALSE(folios.mlocked(head));
}

// All pieces of a locked folio are locked; the first has as many locks as it had,
// the others go with one unlock.
TEST_F(FoliosTest, PiecesKeepTheLock) {
  const Pfn head = fault(k64K);
  folios.mlock(head);
  folios.mlock(head);
  folios.remove_rmap_ptes(head, 16, kA);
  folios.put(head, 15);
  const std::array<Order, 2> halves{Order(3), Order(3)};
  folios.split_into(head, halves);
  const Pfn second = head + PageCount(8);
  for (const Pfn piece : {head, second}) folios.munlock(piece);
  EXPECT_TRUE(folios.mlocked(head));
  EXPECT_FALSE(folios.mlocked(second));
}

}  // namespace
}  // namespace quire::folio
