#include "vm/mapping_tree.h"

#include <gtest/gtest.h>

#include "vm/testing_tree.h"

namespace quire::vm {
namespace {

using testing::kBase;
using testing::kRo;
using testing::kRw;
using testing::page;
using testing::pages;
using Tree = testing::TreeTest;

// find answers the mapping that contains an address, also right after others were asked for.
TEST_F(Tree, FindsTheMappingThatContainsAnAddress) {
  Vma& a = map(pages(0, 2));
  Vma& b = map(pages(4, 6), kRo);
  EXPECT_EQ(tree.find(page(0)), &a);
  EXPECT_EQ(tree.find(page(2) - ByteCount(1)), &a);
  EXPECT_EQ(tree.find(page(2)), nullptr);
  EXPECT_EQ(tree.find(page(5)), &b);
  EXPECT_EQ(tree.find(page(6)), nullptr);
}

// Neighbours are found from holes, too.
TEST_F(Tree, FindsNeighboursOfAHole) {
  Vma& a = map(pages(0, 2));
  Vma& b = map(pages(4, 6));
  EXPECT_EQ(tree.find_first_from(page(2)), &b);
  EXPECT_EQ(tree.find_first_from(page(6)), nullptr);
  EXPECT_EQ(tree.find_last_before(page(4)), &a);
  EXPECT_EQ(tree.find_last_before(page(0)), nullptr);
  EXPECT_EQ(tree.next(a), &b);
  EXPECT_EQ(tree.prev(a), nullptr);
  EXPECT_TRUE(tree.overlaps(pages(1, 3)));
  EXPECT_FALSE(tree.overlaps(pages(2, 4)));
}

// A mapping that was found and then removed is not found again.
TEST_F(Tree, ForgetsTheLastFoundMappingWhenItGoes) {
  map(pages(0, 2));
  ASSERT_NE(tree.find(page(0)), nullptr);
  remove(pages(0, 2));
  EXPECT_EQ(tree.find(page(0)), nullptr);
}

// Removing cuts at both edges and tells each piece before it goes.
TEST_F(Tree, RemoveTellsThePieces) {
  map(pages(0, 4));
  map(pages(5, 9), kRo);
  std::vector<VirtRange> told;
  ASSERT_TRUE(tree.remove(pages(2, 7),
                          [&](Vma& vma) {
                            told.push_back(vma.range);
                            EXPECT_EQ(tree.find(vma.begin()), &vma);
                          })
                  .has_value());
  EXPECT_EQ(told, (std::vector{pages(2, 4), pages(5, 7)}));
  EXPECT_EQ(picture(), "AA.....BB");
  EXPECT_EQ(tree.total_pages(), PageCount(4));
}

// A hole in one mapping leaves two, with the page offset of the upper one right.
TEST_F(Tree, RemoveInsideLeavesBothEnds) {
  map(pages(0, 6));
  remove(pages(2, 4));
  EXPECT_EQ(picture(), "AA..BB");
  EXPECT_EQ(tree.find(page(4))->pgoff, page(4).page_number());
}

// Removing nothing is no error.
TEST_F(Tree, RemoveOfAHoleDoesNothing) {
  map(pages(0, 1));
  unsigned told = 0;
  EXPECT_TRUE(tree.remove(pages(1, 9), [&](Vma&) { ++told; }).has_value());
  EXPECT_EQ(told, 0U);
}

// At the limit no mapping can be split, but a removal that does not add mappings still works.
TEST_F(Tree, LimitOfMappingsStopsSplits) {
  Vma& a = map(pages(0, 4));
  map(pages(5, 9), kRo);
  tree.set_max_map_count(2);
  EXPECT_TRUE(tree.may_add_mapping());  // mmap refuses only beyond the limit
  EXPECT_EQ(tree.split(a, page(1)).error(), Errno::kNoMem);
  EXPECT_EQ(tree.remove(pages(1, 2), [](Vma&) {}).error(), Errno::kNoMem);
  EXPECT_EQ(tree.modify(a, pages(1, 2), kRo).error(), Errno::kNoMem);
  EXPECT_EQ(picture(), "AAAA.BBBB");
  EXPECT_TRUE(tree.remove(pages(2, 7), [](Vma&) {}).has_value());
  EXPECT_EQ(picture(), "AA.....BB");
}

// Both halves of a split find the pages of their anon_vma.
TEST_F(Tree, SplitSharesTheAnonVma) {
  Vma& lower = map(pages(0, 4));
  fault(0);
  Vma* upper = *tree.split(lower, page(3));
  EXPECT_EQ(upper->anon_vma, lower.anon_vma);
  EXPECT_EQ(lower.anon_vma->num_active_vmas(), 2U);
  std::vector<Vma*> seen;
  lower.anon_vma->for_each_vma(page(3).page_number(), page(3).page_number(),
                               [&](Vma& vma) { seen.push_back(&vma); });
  EXPECT_EQ(seen, (std::vector{upper}));
}

// The last mapping of an anon_vma takes it along.
TEST_F(Tree, AnonVmaGoesWithItsLastMapping) {
  map(pages(0, 4));
  fault(0);
  remove(pages(0, 2));
  EXPECT_EQ(registry.live(), 1U);
  remove(pages(2, 4));
  EXPECT_EQ(registry.live(), 0U);
}

// --- Stacks ---

constexpr VmFlags kStack = kRw | VmFlag::kGrowsDown;

// A stack grows to the page of the address; the page offset follows.
TEST_F(Tree, StackGrowsToTheFaultingPage) {
  Vma& stack = map(pages(1000, 1002), kStack);
  ASSERT_TRUE(tree.expand_downwards(stack, page(990) + ByteCount(123)).has_value());
  EXPECT_EQ(stack.range, pages(990, 1002));
  EXPECT_EQ(stack.pgoff, page(990).page_number());
  EXPECT_NE(stack.anon_vma, nullptr);
  EXPECT_EQ(tree.total_pages(), PageCount(12));
}

// 256 pages stay free above an accessible mapping, none above one that nobody can access.
TEST_F(Tree, StackKeepsTheGuardGap) {
  map(pages(0, 10), kRw);
  Vma& stack = map(pages(1000, 1002), kStack);
  EXPECT_FALSE(tree.stack_guard_allows(stack, page(10 + 255)));
  EXPECT_TRUE(tree.stack_guard_allows(stack, page(10 + 256)));
  EXPECT_EQ(tree.expand_downwards(stack, page(265)).error(), Errno::kNoMem);
  EXPECT_EQ(stack.begin(), page(1000));
  modify(pages(0, 10), testing::kMayAll);
  EXPECT_TRUE(tree.expand_downwards(stack, page(10)).has_value());
}

// No stack reaches the addresses that nobody may map.
TEST_F(Tree, StackStopsAtTheLowestAddress) {
  Vma& stack = map({VirtAddr(0x20000), VirtAddr(0x22000)}, kStack);
  EXPECT_EQ(tree.expand_downwards(stack, VirtAddr(0xf000)).error(), Errno::kPerm);
  EXPECT_TRUE(tree.expand_downwards(stack, kMmapMinAddr).has_value());
}

// exec's moving of the argument pages: enlarge, then cut off the old place; the offset stays.
TEST_F(Tree, ExpandAndShrinkMoveAMapping) {
  Vma& stack = map(pages(100, 102), kStack);
  fault(100);
  const std::uint64_t pgoff = stack.pgoff;
  tree.expand(stack, pages(90, 102), pgoff);
  tree.shrink(stack, pages(90, 92), pgoff);
  EXPECT_EQ(stack.range, pages(90, 92));
  EXPECT_EQ(stack.pgoff, pgoff);
  EXPECT_EQ(tree.total_pages(), PageCount(2));
}

// --- fork ---

// A child's copy loses locks and userfaultfd; wipe-on-fork memory starts without pages.
TEST_F(Tree, ForkDropsWhatDoesNotCross) {
  Vma& parent = map(pages(0, 1), kRw | VmFlag::kLocked | VmFlag::kUffdWp);
  Vma& wiped = map(pages(2, 3), kRw | VmFlag::kWipeOnFork);
  fault(0);
  fault(2);
  MappingTree child(registry, port, nullptr);
  EXPECT_EQ(child.fork_vma(parent).flags, kRw);
  EXPECT_NE(child.find(page(0))->anon_vma, nullptr);
  EXPECT_NE(child.find(page(0))->anon_vma, parent.anon_vma);
  EXPECT_EQ(child.fork_vma(wiped).anon_vma, nullptr);
}

// The checker sees a mapping that was tampered with.
TEST_F(Tree, InvariantCheckSeesDamage) {
  Vma& a = map(pages(0, 2));
  map(pages(2, 4), kRo);
  const VirtRange good = a.range;
  a.range.end = page(3);
  base::InvariantReport broken;
  tree.check_invariants(broken);
  a.range = good;
  EXPECT_NE(broken.text().find("I-VMA-1"), std::string::npos);
  EXPECT_NE(broken.text().find("I-VMA-2"), std::string::npos);
}

}  // namespace
}  // namespace quire::vm
