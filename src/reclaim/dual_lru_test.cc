// Large and small folios apart.
#include "reclaim/dual_lru.h"

#include <gtest/gtest.h>

#include "reclaim/classic_lru.h"
#include "reclaim/testing_dual.h"
#include "reclaim/testing_users.h"

namespace quire::reclaim {
namespace {

using Machine = ListMachine<TwoClassic>;
using stats::VmEvent;

// 740 - an allocation of 64 KiB takes large folios and looks at no small one
TEST(DualLru, ALargeNeedScansLargeFoliosOnly) {
  Machine m;
  for (int i = 0; i < 1000; ++i) (void)m.map();
  for (int i = 0; i < 100; ++i) (void)m.map(Order(4));
  EXPECT_GE(m.reclaim(32, folio::kRootGroup, Order(4)), 32U);
  EXPECT_EQ(m.counters.get(VmEvent::quire_scanned_folios) * 16, m.counters.get(VmEvent::pgscan_anon));
  EXPECT_EQ(m.broken(), "");
}

// 741 - an allocation of 4 KiB leaves large folios whole
TEST(DualLru, ASmallNeedLeavesLargeFoliosAlone) {
  Machine m;
  for (int i = 0; i < 100; ++i) (void)m.map(Order(4));
  for (int i = 0; i < 1000; ++i) (void)m.map();
  EXPECT_GE(m.reclaim(32), 32U);
  EXPECT_EQ(m.counters.get(VmEvent::quire_scanned_folios), m.counters.get(VmEvent::pgscan_anon));
}

// 742 - neither half blocks the other: with none of its own kind left the other gives
TEST(DualLru, TheOtherHalfGivesWhenOnesOwnIsEmpty) {
  Machine m;
  for (int i = 0; i < 100; ++i) (void)m.map(Order(4));
  EXPECT_GE(m.reclaim(32), 32U);
  for (const std::uint64_t head : m.users.went) EXPECT_EQ(head % 16, 0U);
}

// 743 - pieces of a large folio join the small ones
TEST(DualLru, PiecesJoinTheSmallHalf) {
  Machine m;
  const Pfn whole = m.map(Order(4));
  m.folios.get(whole);
  m.folios.remove_rmap_ptes(whole, 16, folio::MmId(1));
  m.folios.put(whole, 16);
  m.folios.split_into(whole, std::vector<Order>(16, kOrder0));
  EXPECT_EQ(m.lists.half(true).evictable(folio::kRootGroup), PageCount(0));
  EXPECT_EQ(m.lists.half(false).evictable(folio::kRootGroup), PageCount(16));
  EXPECT_EQ(m.broken(), "");
  for (std::uint64_t i = 0; i < 16; ++i) m.folios.put(whole + PageCount(i));
}

}  // namespace
}  // namespace quire::reclaim
