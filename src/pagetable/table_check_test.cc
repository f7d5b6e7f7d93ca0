#include "pagetable/table_check.h"

#include <gtest/gtest.h>

namespace quire::pagetable {
namespace {

using arch::Access;
using arch::Entry;
using arch::Native;
using phys::FrameKind;

constexpr Access kReadOnly{.read = true, .write = false, .exec = false};

// A machine with one folio of a kind.
struct TableChecker : ::testing::Test {
  Pfn folio(FrameKind kind, Order order = kOrder0) {
    const Pfn head = *memory.allocate(order);
    memory.frame(head).set_kind(kind);
    return head;
  }
  static Entry readable(Pfn page) { return Native::leaf(page, kReadOnly); }
  static Entry writable(Pfn page) { return Native::make_writable(readable(page)); }

  phys::PhysMemory memory = *phys::PhysMemory::create({.ram = 16_MiB});
  TableCheck check{memory};
};

// Readers of an anonymous page may be many; a file page may have writers.
TEST_F(TableChecker, CountsWhatMayBe) {
  const Pfn anon = folio(FrameKind::kAnon);
  check.ptes_come(readable(anon), 1);
  check.ptes_come(readable(anon), 1);
  EXPECT_EQ(check.maps(anon), 2U);
  const Pfn file = folio(FrameKind::kFile);
  check.ptes_come(writable(file), 1);
  check.ptes_come(writable(file), 1);
  EXPECT_EQ(check.maps(file), 2U);
  check.pte_goes(readable(anon));
  check.pte_goes(readable(anon));
  check.ptes_come(writable(anon), 1);
  EXPECT_EQ(check.maps(anon), 1U);
  EXPECT_GT(check.end(), std::max(anon, file));
}

// Entries that show nothing, or the zero page, do not count.
TEST_F(TableChecker, ZeroPagesAndHolesDoNotCount) {
  const Pfn zero = folio(FrameKind::kReserved);
  check.ptes_come(Native::make_special(readable(zero)), 1);
  check.ptes_come(Entry{}, 1);
  check.pmd_changes(Entry{}, Native::huge_leaf(folio(FrameKind::kReserved, kOrderPmd), kReadOnly));
  EXPECT_EQ(check.maps(zero), 0U);
}

// A run counts each of its frames.
TEST_F(TableChecker, RunsAndPmdsCountEachFrame) {
  const Pfn head = folio(FrameKind::kAnon, kOrderPmd);
  check.pmd_changes(Entry{}, Native::huge_leaf(head, kReadOnly));
  check.ptes_come(readable(head + PageCount(16)), 16);
  EXPECT_EQ(check.maps(head + PageCount(15)), 1U);
  EXPECT_EQ(check.maps(head + PageCount(31)), 2U);
  EXPECT_EQ(check.maps(head + PageCount(32)), 1U);
}

using TableCheckerDeath = TableChecker;

// A frame that is nobody's yet, or was given back.
TEST_F(TableCheckerDeath, FramesOfNoFolio) {
  const Pfn owned = *memory.allocate(kOrder0);
  EXPECT_DEATH(check.ptes_come(readable(owned), 1), "I-PTC-1.*handed out but not yet a folio's");
  const Pfn freed = folio(FrameKind::kAnon);
  memory.free(freed, kOrder0);
  EXPECT_DEATH(check.ptes_come(readable(freed), 1), "I-PTC-1.*no folio accounts for: it is free");
}

// The same frame as a program's and as a file's.
TEST_F(TableCheckerDeath, TwoKindsAtOnce) {
  const Pfn page = folio(FrameKind::kFile);
  check.ptes_come(readable(page), 1);
  memory.frame(page).set_kind(FrameKind::kAnon);
  EXPECT_DEATH(check.ptes_come(readable(page), 1), "I-PTC-2");
}

// A writable anonymous page that somebody else sees.
TEST_F(TableCheckerDeath, SharedAndWritable) {
  const Pfn page = folio(FrameKind::kAnon);
  check.ptes_come(readable(page), 1);
  EXPECT_DEATH(check.ptes_come(writable(page), 1), "I-PTC-3.*2 entries do now, 1 of them writable");
}

// An entry that came as something else than it goes.
TEST_F(TableCheckerDeath, GoesWithoutHavingCome) {
  const Pfn page = folio(FrameKind::kAnon);
  check.ptes_come(readable(page), 1);
  EXPECT_DEATH(check.pte_goes(writable(page)), "I-PTC-4.*goes, writable, that never came");
}

}  // namespace
}  // namespace quire::pagetable
