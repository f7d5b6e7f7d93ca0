#include "pagetable/page_table.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace quire::pagetable {
namespace {

constexpr VirtAddr kAt{0x7000'0000'0000};
constexpr arch::Access kRw{.read = true, .write = true};

class PageTableTest : public ::testing::Test {
 protected:
  static phys::PhysMemory machine() {
    auto m = phys::PhysMemory::create({.ram = 32_MiB});
    EXPECT_TRUE(m.has_value());
    return std::move(*m);
  }
  void TearDown() override {
    base::InvariantReport broken;
    tables.check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
    EXPECT_EQ(usage.pages, tables.table_pages().raw());
  }
  Entry& pte_for(VirtAddr addr) {
    Entry* const pmd = tables.alloc_pmd(addr);
    if (Native::is_none(*pmd)) {
      EXPECT_TRUE(tables.alloc_pte_table(*pmd));
    }
    return *tables.pte(*pmd, addr);
  }
  Entry& pmd_for(VirtAddr addr) { return *tables.alloc_pmd(addr); }

  phys::PhysMemory memory = machine();
  TableUsage usage;
  PageTable tables{memory, usage};
};

// An empty tree has no table; the first page takes one of each level.
TEST_F(PageTableTest, TablesComeWithTheFirstUse) {
  EXPECT_EQ(tables.table_pages(), PageCount(0));
  EXPECT_EQ(tables.find_pmd(kAt), nullptr);
  pte_for(kAt) = Native::leaf(Pfn(7), kRw);
  EXPECT_EQ(tables.table_pages(), PageCount(4));
  pte_for(kAt + 2_MiB) = Native::leaf(Pfn(8), kRw);
  EXPECT_EQ(tables.table_pages(), PageCount(5));
  pte_for(kAt + 1_GiB) = Native::leaf(Pfn(9), kRw);
  EXPECT_EQ(tables.table_pages(), PageCount(7));
}

// Looking up never makes a table.
TEST_F(PageTableTest, FindMakesNothing) {
  pte_for(kAt);
  EXPECT_NE(tables.find_pmd(kAt + 2_MiB), nullptr);
  EXPECT_TRUE(Native::is_none(*tables.find_pmd(kAt + 2_MiB)));
  EXPECT_EQ(tables.find_pmd(kAt + 1_GiB), nullptr);
  EXPECT_EQ(tables.table_pages(), PageCount(4));
}

// What was stored at an address is found there, and nowhere else.
TEST_F(PageTableTest, EntriesAreFoundWhereTheyWerePut) {
  std::map<VirtAddr, Entry> model;
  base::Rng rng(1);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const VirtAddr addr((rng.below(64) << 32) + (rng.below(4) << 21) + (rng.below(512) << 12));
    model[addr] = pte_for(addr) = Native::leaf(Pfn(i + 1), kRw);
  }
  std::size_t seen = 0;
  tables.for_each_pmd({VirtAddr(0), VirtAddr(1ULL << 47)}, [&](VirtAddr block, Entry& pmd) {
    for (std::uint64_t i = 0; i < 512; ++i) {
      const VirtAddr addr = block + PageCount(i);
      const Entry e = *tables.pte(pmd, addr);
      if (Native::is_none(e)) continue;
      ++seen;
      EXPECT_EQ(e, model.at(addr));
    }
  });
  EXPECT_EQ(seen, model.size());
}

// The walk visits populated blocks in order, also across empty upper tables.
TEST_F(PageTableTest, WalksInOrderAndSkipsHoles) {
  const std::vector<VirtAddr> blocks{VirtAddr(0x200000), VirtAddr(0x40000000), VirtAddr(0x7fffffe00000)};
  for (const VirtAddr b : blocks) pte_for(b);
  std::vector<VirtAddr> seen;
  tables.for_each_pmd({VirtAddr(0), VirtAddr(0x7ffffffff000)},
                      [&](VirtAddr block, Entry&) { seen.push_back(block); });
  EXPECT_EQ(seen, blocks);
  seen.clear();
  tables.for_each_pmd({VirtAddr(0x201000), VirtAddr(0x40000000)},
                      [&](VirtAddr block, Entry&) { seen.push_back(block); });
  EXPECT_EQ(seen, std::vector<VirtAddr>{blocks[0]}) << "a block partly in the range counts, the end does not";
}

// --- Deposits ---

// A deposited table waits for the split of its PMD and is empty then.
TEST_F(PageTableTest, DepositAndWithdraw) {
  Entry& pmd = pmd_for(kAt);
  ASSERT_TRUE(tables.deposit());
  pmd = Native::huge_leaf(Pfn(512), kRw);
  EXPECT_EQ(tables.deposited(), 1U);
  EXPECT_EQ(tables.table_pages(), PageCount(4));
  tables.withdraw_into(pmd);
  EXPECT_EQ(tables.deposited(), 0U);
  EXPECT_FALSE(Native::is_leaf(pmd));
  EXPECT_TRUE(tables.pte_table_is_empty(pmd));
  EXPECT_EQ(tables.table_pages(), PageCount(4));
}

// A PMD that goes takes its deposited table with it.
TEST_F(PageTableTest, DropDeposit) {
  ASSERT_TRUE(tables.deposit());
  const PageCount free = memory.free_pages();
  tables.drop_deposit();
  EXPECT_EQ(memory.free_pages(), free + PageCount(1));
  EXPECT_EQ(tables.table_pages(), PageCount(0));
}

// --- Moving ---

// A table moves with all it holds; the old place is empty.
TEST_F(PageTableTest, MovesAWholeTable) {
  pte_for(kAt + PageCount(5)) = Native::leaf(Pfn(77), kRw);
  Entry& from = *tables.find_pmd(kAt);
  Entry& to = pmd_for(kAt + 1_GiB);
  const PageCount before = tables.table_pages();
  tables.move_pmd(from, to);
  EXPECT_TRUE(Native::is_none(from));
  EXPECT_EQ(Native::pfn(*tables.pte(to, kAt + 1_GiB + PageCount(5))), Pfn(77));
  EXPECT_EQ(tables.table_pages(), before);
}

// --- Freeing ---

// Unmapping frees the tables that only free space is left for: none while a
// neighbour in the same 2 MiB, 1 GiB or 512 GiB needs them.
TEST_F(PageTableTest, FreeRangeStopsAtFloorAndCeiling) {
  pte_for(kAt);
  pte_for(kAt + 2_MiB);
  ASSERT_EQ(tables.table_pages(), PageCount(5));
  const VirtRange second{kAt + 2_MiB, kAt + 4_MiB};
  tables.free_range(second, {kAt + 2_MiB + 4_KiB, kAt + 1_GiB});
  EXPECT_EQ(tables.table_pages(), PageCount(5)) << "a page below is in use in the same 2 MiB";
  tables.free_range(second, {kAt + 4_KiB, kAt + 4_MiB - 4_KiB});
  EXPECT_EQ(tables.table_pages(), PageCount(5)) << "a page above is in use in the same 2 MiB";
  tables.free_range(second, {kAt + 4_KiB, kAt + 1_GiB});
  EXPECT_EQ(tables.table_pages(), PageCount(4)) << "the upper tables serve the first 2 MiB";
  tables.free_range({kAt, kAt + 2_MiB}, {VirtAddr(0), VirtAddr(~0ULL)});
  EXPECT_EQ(tables.table_pages(), PageCount(1)) << "the root stays";
  EXPECT_EQ(tables.find_pmd(kAt), nullptr);
}

// The last 2 MiB looked at is remembered; freeing its table forgets it.
TEST_F(PageTableTest, TheRememberedBlockIsForgottenWhenFreed) {
  pte_for(kAt);
  ASSERT_NE(tables.find_pmd(kAt), nullptr);
  tables.free_range({kAt, kAt + 2_MiB}, {VirtAddr(0), VirtAddr(~0ULL)});
  EXPECT_EQ(tables.find_pmd(kAt), nullptr);
  EXPECT_TRUE(Native::is_none(pmd_for(kAt)));
}

// Every table goes with the tree, deposits too.
TEST_F(PageTableTest, DestructionGivesEverythingBack) {
  const PageCount free = memory.free_pages();
  {
    PageTable tree(memory, usage);
    for (std::uint64_t gib = 0; gib < 5; ++gib) ASSERT_NE(tree.alloc_pmd(VirtAddr(gib << 30)), nullptr);
    ASSERT_TRUE(tree.alloc_pte_table(*tree.find_pmd(VirtAddr(0))));
    ASSERT_TRUE(tree.deposit());
    EXPECT_LT(memory.free_pages(), free);
  }
  EXPECT_EQ(memory.free_pages(), free);
  EXPECT_EQ(usage.pages, 0U);
  EXPECT_EQ(usage.peak_pages, 9U);
}

// Where no frame is left each step says so and leaves the tree sound.
TEST_F(PageTableTest, RunsOutOfFrames) {
  for (int n = 0; n < 4; ++n) {
    int left = n;
    memory.set_failure_injector([&](Order) { return left-- <= 0; });
    PageTable tree(memory, usage);
    Entry* const pmd = tree.alloc_pmd(kAt);
    EXPECT_EQ(pmd != nullptr, n >= 3) << n;
    if (pmd != nullptr) {
      EXPECT_FALSE(tree.alloc_pte_table(*pmd));
    }
    EXPECT_FALSE(tree.deposit());
    base::InvariantReport broken;
    tree.check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
  }
  memory.set_failure_injector({});
}

// --- Entries without access ---

// A page without access keeps its frame, and comes back as it was: the frame
// is stored inverted meanwhile, in PTEs and in huge entries alike.
TEST_F(PageTableTest, ProtNoneRoundTrip) {
  for (const std::uint64_t frame : {1ULL, 512ULL, 4095ULL, 0xfffffeULL}) {
    const Entry e = Native::make_dirty(Native::make_young(Native::leaf(Pfn(frame), {.read = true})));
    const Entry none = Native::modify(e, {});
    EXPECT_TRUE(Native::is_present(none) && !Native::is_none(none));
    EXPECT_EQ(Native::pfn(none), Pfn(frame));
    EXPECT_FALSE(Native::allows(none, {.read = true}));
    EXPECT_TRUE(Native::is_dirty(none) && Native::is_young(none));
    EXPECT_EQ(Native::modify(none, {.read = true}), e);
    const Entry huge = Native::huge_leaf(Pfn(frame & ~511ULL), {.read = true});
    EXPECT_TRUE(Native::is_leaf(Native::modify(huge, {})));
    EXPECT_EQ(Native::modify(Native::modify(huge, {}), {.read = true}), huge);
  }
}

// Entries without access are a run like any other.
TEST_F(PageTableTest, ProtNoneRunsContinue) {
  const Entry e = Native::modify(Native::leaf(Pfn(64), {.read = true}), {});
  EXPECT_EQ(Native::pfn(Native::advance(e, 5)), Pfn(69));
  EXPECT_TRUE(Native::continues(e, Native::advance(e, 5), 5));
  EXPECT_FALSE(Native::continues(e, Native::advance(e, 6), 5));
}

}  // namespace
}  // namespace quire::pagetable
