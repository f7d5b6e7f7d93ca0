#include "pagetable/contpte.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "arch/arm64.h"
#include "base/rng.h"

namespace quire::pagetable {
namespace {

using Arm = arch::Arm64<12>;
using Cont = Contpte<Arm>;
constexpr std::uint32_t kBlock = Cont::kEntries;
constexpr arch::Access kReadWrite{.read = true, .write = true};

// A table in the memory of a machine, and frames whose folios the tests choose.
class ContpteTest : public testing::Test {
 protected:
  ContpteTest() {
    for (std::uint64_t i = 0; i < 4096; ++i) memory_.frame(Pfn(i)).set_order(Order(9));
  }
  static Entry page(std::uint64_t pfn) { return Arm::leaf(Pfn(pfn), kReadWrite); }
  [[nodiscard]] bool tied(std::uint32_t i) const { return Arm::is_cont(table_[i]); }
  [[nodiscard]] std::uint32_t tied() const {
    return static_cast<std::uint32_t>(std::count_if(table_.begin(), table_.end(), Arm::is_cont));
  }
  [[nodiscard]] std::size_t broken() const {
    base::InvariantReport report;
    cont_.check_invariants(table_.data(), report);
    return report.lines().size();
  }

  static phys::PhysMemory machine() {
    auto memory = phys::PhysMemory::create({.ram = 32_MiB});
    EXPECT_TRUE(memory.has_value());
    return std::move(*memory);
  }

  phys::PhysMemory memory_ = machine();
  Cont cont_{memory_};
  alignas(4096) std::array<Entry, 512> table_{};
};

// A run that begins inside a block ties only the whole blocks in its middle.
TEST_F(ContpteTest, WholeBlocksOfARunAreTied) {
  cont_.set_ptes(&table_[8], page(1024 + 8), 40);
  EXPECT_FALSE(tied(15));
  EXPECT_TRUE(tied(16));
  EXPECT_TRUE(tied(47));
  EXPECT_EQ(tied(), 32U);
  EXPECT_EQ(broken(), 0U);
}

// Frames that are not aligned as the entries are cannot be one translation.
TEST_F(ContpteTest, FramesMustBeAligned) {
  cont_.set_ptes(&table_[0], page(1025), 64);
  EXPECT_EQ(tied(), 0U);
}

// Page by page, the last one of a block completes it; in another order nothing does.
TEST_F(ContpteTest, TheLastEntryCompletesABlock) {
  for (std::uint32_t i = 0; i < kBlock; ++i) {
    EXPECT_EQ(tied(), 0U);
    cont_.set_ptes(&table_[i], page(1024 + i), 1);
  }
  EXPECT_EQ(tied(), kBlock);
  for (std::uint32_t i = kBlock; i-- > 0;) cont_.set_ptes(&table_[32 + i], page(1056 + i), 1);
  EXPECT_EQ(tied(), kBlock);
}

// Neighbouring frames of several folios stay apart.
TEST_F(ContpteTest, ABlockIsPartOfOneFolio) {
  for (std::uint64_t i = 1024; i < 1040; ++i) memory_.frame(Pfn(i)).set_order(Order(3));
  for (std::uint32_t i = 0; i < kBlock; ++i) cont_.set_ptes(&table_[i], page(1024 + i), 1);
  EXPECT_EQ(tied(), 0U);
}

// A page of another protection keeps the block apart; one that was only
// accessed or written does not, and all of the block is then.
TEST_F(ContpteTest, ProtectionMustBeEqualAndFlagsAreJoined) {
  for (std::uint32_t i = 0; i < kBlock - 1; ++i) cont_.set_ptes(&table_[i], page(1024 + i), 1);
  table_[3] = Arm::write_protect(table_[3]);
  cont_.set_ptes(&table_[15], page(1039), 1);
  EXPECT_EQ(tied(), 0U);

  table_[3] = Arm::make_dirty(Arm::make_young(page(1027)));
  cont_.set_ptes(&table_[15], page(1039), 1);
  EXPECT_EQ(tied(), kBlock);
  EXPECT_TRUE(Arm::is_dirty(table_[9]));
  EXPECT_TRUE(Arm::is_young(table_[9]));
}

// Clearing a part of two blocks unfolds these two and nothing else.
TEST_F(ContpteTest, PartialChangesUnfoldTheEdges) {
  cont_.set_ptes(&table_[0], page(1024), 64);
  cont_.clear_ptes(&table_[20], 20);
  EXPECT_TRUE(tied(0));
  EXPECT_FALSE(tied(16));
  EXPECT_FALSE(tied(47));
  EXPECT_TRUE(tied(48));
  EXPECT_TRUE(Arm::is_none(table_[20]));
  EXPECT_TRUE(Arm::is_present(table_[19]));
  EXPECT_EQ(broken(), 0U);
}

// Write-protecting whole blocks keeps them; a part of one unfolds it.
TEST_F(ContpteTest, WriteProtection) {
  cont_.set_ptes(&table_[0], page(1024), 32);
  cont_.wrprotect_ptes(&table_[0], 20);
  EXPECT_TRUE(tied(0));
  EXPECT_FALSE(Arm::is_writable(table_[0]));
  EXPECT_FALSE(tied(16));
  EXPECT_FALSE(Arm::is_writable(table_[19]));
  EXPECT_TRUE(Arm::is_writable(table_[20]));
}

// Forgetting accesses and writes of one page forgets them of its block.
TEST_F(ContpteTest, ClearingFlagsWidens) {
  cont_.set_ptes(&table_[0], Arm::make_dirty(Arm::make_young(page(1024))), 48);
  cont_.clear_young_dirty_ptes(&table_[18], 1, Clear::kYoungAndDirty);
  EXPECT_EQ(tied(), 48U);
  EXPECT_FALSE(Arm::is_young(Cont::get(&table_[31])));
  EXPECT_FALSE(Arm::is_dirty(Cont::get(&table_[16])));
  EXPECT_TRUE(Arm::is_dirty(Cont::get(&table_[15])));
  cont_.clear_young_dirty_ptes(&table_[40], 1, Clear::kYoung);
  EXPECT_TRUE(Arm::is_dirty(Cont::get(&table_[40])));
}

// What the hardware notes in one entry is known of each, and lost by none.
TEST_F(ContpteTest, WhatOneEntryKnowsAllKnow) {
  cont_.set_ptes(&table_[0], page(1024), kBlock);
  table_[5] = Arm::hardware_touch(table_[5], {.write = true});
  EXPECT_TRUE(Arm::is_dirty(Cont::get(&table_[11])));
  cont_.clear_ptes(&table_[5], 1);
  EXPECT_TRUE(Arm::is_dirty(table_[11]));
  EXPECT_EQ(Cont::batch_hint(&table_[11]), 1U);
}

// A fault notes an access in all of a block; making one page writable unfolds it.
TEST_F(ContpteTest, AccessFlags) {
  cont_.set_ptes(&table_[0], Arm::write_protect(page(1024)), kBlock);
  cont_.set_access_flags(&table_[3], Arm::make_young(Cont::get(&table_[3])));
  EXPECT_EQ(tied(), kBlock);
  EXPECT_TRUE(Arm::is_young(table_[12]));
  EXPECT_EQ(Cont::batch_hint(&table_[3]), 13U);
  cont_.set_access_flags(&table_[3], Arm::make_writable(Arm::make_dirty(Cont::get(&table_[3]))));
  EXPECT_EQ(tied(), 0U);
  EXPECT_TRUE(Arm::is_writable(table_[3]));
  EXPECT_FALSE(Arm::is_writable(table_[4]));
  EXPECT_FALSE(Arm::is_dirty(table_[4]));
}

// The checker sees a block that is tied together in part, or over a border.
TEST_F(ContpteTest, CheckerSeesHalfABlock) {
  cont_.set_ptes(&table_[0], page(1024), 32);
  EXPECT_EQ(broken(), 0U);
  table_[3] = Arm::make_noncont(table_[3]);
  EXPECT_EQ(broken(), 1U);
  table_[3] = Arm::make_cont(table_[3]);
  memory_.frame(Pfn(1040)).set_order(Order(2));
  EXPECT_EQ(broken(), 1U);
}

// Any operations leave the entries a table without blocks would have, but for
// flags that whole blocks share: a flag is never lost, and cleared at most
// within the blocks asked about.
TEST_F(ContpteTest, BehavesLikeSingleEntries) {
  struct Plain {
    bool present = false, writable = false, young = false, dirty = false;
    std::uint64_t pfn = 0;
  };
  std::array<Plain, 512> model{};
  base::Rng rng(7);
  std::uint64_t folds = 0;
  for (int op = 0; op < 20000; ++op) {
    const auto at = static_cast<std::uint32_t>(rng.below(128));
    auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(1 + rng.below(40), 128 - at));
    if (rng.chance(40)) n = 1;
    switch (rng.below(6)) {
      case 0:
      case 1: {  // set where nothing is
        const std::uint64_t shift = rng.chance(80) ? 0 : 1;
        const bool writable = rng.chance(80);
        if (rng.chance(50)) cont_.clear_ptes(&table_[at], n);
        std::uint32_t room = 0;
        while (room < n && Arm::is_none(table_[at + room])) ++room;
        for (std::uint32_t i = 0; i < n; ++i)
          if (Arm::is_none(table_[at + i])) model[at + i] = {};
        const Entry e = writable ? page(1024 + at + shift) : Arm::write_protect(page(1024 + at + shift));
        if (room != 0) cont_.set_ptes(&table_[at], e, room);
        for (std::uint32_t i = 0; i < room; ++i)
          model[at + i] = {.present = true, .writable = writable, .pfn = 1024 + at + shift + i};
        break;
      }
      case 2:
        cont_.clear_ptes(&table_[at], n);
        for (std::uint32_t i = 0; i < n; ++i) model[at + i] = {};
        break;
      case 3: {  // a program writes
        if (!Arm::allows(table_[at], {.write = true})) break;
        table_[at] = Arm::hardware_touch(table_[at], {.write = true});
        model[at].dirty = model[at].young = true;
        break;
      }
      case 4: {  // a fault makes one page writable
        if (Arm::is_none(table_[at])) break;
        cont_.set_access_flags(&table_[at], Arm::make_writable(Arm::make_young(Cont::get(&table_[at]))));
        model[at].writable = model[at].young = true;
        break;
      }
      case 5: {
        std::uint32_t run = 0;
        while (run < n && Arm::is_present(table_[at + run])) ++run;
        if (run == 0) break;
        cont_.wrprotect_ptes(&table_[at], run);
        for (std::uint32_t i = 0; i < run; ++i) model[at + i].writable = false;
        break;
      }
    }
    ASSERT_EQ(broken(), 0U) << "operation " << op;
    folds += tied() / kBlock;
    for (std::uint32_t i = 0; i < 128; ++i) {
      const Entry e = Cont::get(&table_[i]);
      ASSERT_EQ(Arm::is_present(e), model[i].present) << op << " entry " << i;
      if (!model[i].present) continue;
      ASSERT_EQ(Arm::pfn(e).raw(), model[i].pfn) << op << " entry " << i;
      ASSERT_EQ(Arm::is_writable(e), model[i].writable) << op << " entry " << i;
      ASSERT_TRUE(Arm::is_young(e) || !model[i].young) << op << " entry " << i;
      ASSERT_TRUE(Arm::is_dirty(e) || !model[i].dirty) << op << " entry " << i;
    }
  }
  EXPECT_GT(folds, 1000U);
}

}  // namespace
}  // namespace quire::pagetable
