// Merging, case by case. In the pictures capital letters are mappings, * is
// the range that is made or changed, the second line is what comes out.
#include <gtest/gtest.h>

#include "vm/testing_tree.h"

namespace quire::vm {
namespace {

using testing::kRo;
using testing::kRw;
using testing::page;
using testing::pages;
using Merge = testing::TreeTest;

// --- The eight cases ---

// Case 1: a new mapping joins both neighbours.
//   AA**BB
//   AAAAAA
TEST_F(Merge, NewRangeJoinsBothNeighbours) {
  Vma& left = map(pages(0, 2));
  map(pages(4, 6));
  EXPECT_EQ(&map(pages(2, 4)), &left);
  EXPECT_EQ(picture(), "AAAAAA");
  EXPECT_EQ(port.merged, 1U);
}

// Case 2: a new mapping enlarges the one before.
//   AA**.B
//   AAAA.B
TEST_F(Merge, NewRangeEnlargesPrevious) {
  Vma& left = map(pages(0, 2));
  map(pages(5, 6));
  EXPECT_EQ(&map(pages(2, 4)), &left);
  EXPECT_EQ(picture(), "AAAA.B");
}

// Case 3: a new mapping enlarges the next one downwards, and its page offset follows.
//   A.**BB
//   A.BBBB
TEST_F(Merge, NewRangeEnlargesNext) {
  map(pages(0, 1));
  Vma& right = map(pages(4, 6));
  EXPECT_EQ(&map(pages(2, 4)), &right);
  EXPECT_EQ(picture(), "A.BBBB");
  EXPECT_EQ(right.pgoff, page(2).page_number());
}

// Case 4: the end of a mapping becomes like the next one: the border moves down.
//   AA**BB
//   AABBBB
TEST_F(Merge, EndOfMappingGoesToNext) {
  map(pages(0, 4), kRw);
  Vma& right = map(pages(4, 6), kRo);
  EXPECT_EQ(&modify(pages(2, 4), kRo), &right);
  EXPECT_EQ(picture(), "AABBBB");
  EXPECT_EQ(right.pgoff, page(2).page_number());
}

// Case 5: the beginning of a mapping becomes like the one before: the border moves up.
//   AA**BB
//   AAAABB
TEST_F(Merge, BeginningOfMappingGoesToPrevious) {
  Vma& left = map(pages(0, 2), kRw);
  Vma& right = map(pages(2, 6), kRo);
  EXPECT_EQ(&modify(pages(2, 4), kRw), &left);
  EXPECT_EQ(picture(), "AAAABB");
  EXPECT_EQ(right.pgoff, page(4).page_number());
}

// Case 6: a whole mapping becomes like both neighbours.
//   AA**BB
//   AAAAAA
TEST_F(Merge, WholeMappingJoinsBothNeighbours) {
  Vma& left = map(pages(0, 2), kRw);
  map(pages(2, 4), kRo);
  map(pages(4, 6), kRw);
  EXPECT_EQ(&modify(pages(2, 4), kRw), &left);
  EXPECT_EQ(picture(), "AAAAAA");
  EXPECT_EQ(port.merged, 2U);
}

// Case 7: a whole mapping becomes like the one before.
//   AA**BB
//   AAAABB
TEST_F(Merge, WholeMappingGoesToPrevious) {
  Vma& left = map(pages(0, 2), kRw);
  map(pages(2, 4), kRo);
  map(pages(4, 6), kRw | VmFlag::kHugePage);
  EXPECT_EQ(&modify(pages(2, 4), kRw), &left);
  EXPECT_EQ(picture(), "AAAABB");
}

// Case 8: a whole mapping becomes like the next one.
//   AA**BB
//   AABBBB
TEST_F(Merge, WholeMappingGoesToNext) {
  map(pages(0, 2), kRw | VmFlag::kHugePage);
  map(pages(2, 4), kRo);
  Vma& right = map(pages(4, 6), kRw);
  EXPECT_EQ(&modify(pages(2, 4), kRw), &right);
  EXPECT_EQ(picture(), "AABBBB");
}

// --- No merge ---

// A change in the middle splits twice.
//   AA**AA
//   AABBCC
TEST_F(Merge, MiddleOfMappingIsSplitOut) {
  map(pages(0, 6), kRw);
  const Vma& middle = modify(pages(2, 4), kRo);
  EXPECT_EQ(picture(), "AABBCC");
  EXPECT_EQ(middle.range, pages(2, 4));
  EXPECT_EQ(middle.flags, kRo);
  EXPECT_EQ(tree.next(middle)->flags, kRw);
}

// Giving a mapping the flags it has changes nothing, even where it could merge.
TEST_F(Merge, UnchangedFlagsDoNotLookAtNeighbours) {
  map(pages(0, 2));
  map(pages(3, 4));
  fault(0);
  fault(3);
  map(pages(2, 3));  // merges with one side only: they have two anon_vmas
  ASSERT_EQ(picture(), "AAAB");
  tree.drop_anon_vma(*tree.find(page(3)));  // now they could
  modify(pages(3, 4), kRw);
  EXPECT_EQ(picture(), "AAAB");
}

// Different flags, a hole, other offsets or other files keep mappings apart.
TEST_F(Merge, DifferentMappingsStayApart) {
  const FileRef file{FileId(1), FileKind::kRegular}, other{FileId(2), FileKind::kRegular};
  map(pages(0, 1), kRw);
  map(pages(1, 2), kRo);
  map_file(pages(2, 3), file, 0);
  map_file(pages(3, 4), other, 1);
  map_file(pages(4, 5), other, 7);
  EXPECT_EQ(picture(), "ABCDE");
}

// Neighbouring pieces of one file with offsets that continue are one mapping.
TEST_F(Merge, OneFileWithContinuedOffsetsMerges) {
  const FileRef file{FileId(1), FileKind::kRegular};
  map_file(pages(0, 2), file, 10);
  map_file(pages(2, 3), file, 12);
  EXPECT_EQ(picture(), "AAA");
}

// Special mappings never merge, even with their like.
TEST_F(Merge, SpecialMappingsStayApart) {
  const VmFlags special = kRw | VmFlag::kPfnMap;
  map(pages(0, 1), special);
  map(pages(1, 2), special);
  EXPECT_EQ(picture(), "AB");
}

// A mapping whose file wants to hear of its end is enlarged, never swallowed.
//   AA**BB
//   AAAABB
TEST_F(Merge, MappingWithCloseIsNotSwallowed) {
  const FileRef file{FileId(1), FileKind::kHugetlb};
  map_file(pages(0, 2), file, 0);
  map_file(pages(4, 6), file, 4);
  map_file(pages(2, 4), file, 2);
  EXPECT_EQ(picture(), "AAAABB");
}

// brk never joins with what is behind it.
TEST_F(Merge, BrkEnlargesPreviousOnly) {
  map(pages(0, 2));
  map(pages(3, 4));
  tree.map({pages(2, 3), kRw, FileRef::none(), 0}, MergeWith::kPrevOnly);
  EXPECT_EQ(picture(), "AAAB");
}

// --- anon_vma ---

// A faulted mapping takes a new neighbour in; the new pages belong to its anon_vma.
TEST_F(Merge, FaultedMappingTakesNewRange) {
  Vma& left = map(pages(0, 2));
  fault(0);
  const AnonVma* before = left.anon_vma;
  map(pages(2, 4));
  EXPECT_EQ(picture(), "AAAA");
  EXPECT_EQ(left.anon_vma, before);
  std::size_t hits = 0;
  before->for_each_vma(page(3).page_number(), page(3).page_number(), [&](Vma&) { ++hits; });
  EXPECT_EQ(hits, 1U);
}

// An unfaulted mapping that grows over a faulted one gets its anon_vma.
//   AA**BB    A unfaulted, B faulted
//   AAAAAA
TEST_F(Merge, KeptMappingGetsAnonVmaOfAbsorbed) {
  Vma& left = map(pages(0, 2));
  Vma& right = map(pages(4, 6));
  fault(4);
  const AnonVma* anon_vma = right.anon_vma;
  map(pages(2, 4));
  EXPECT_EQ(picture(), "AAAAAA");
  EXPECT_EQ(left.anon_vma, anon_vma);
  EXPECT_EQ(anon_vma->num_active_vmas(), 1U);
}

// The same when a whole mapping is changed to be like both neighbours and only it was faulted.
TEST_F(Merge, KeptMappingGetsAnonVmaOfMiddle) {
  Vma& left = map(pages(0, 2), kRw);
  Vma& middle = map(pages(2, 4), kRo);
  map(pages(4, 6), kRw);
  fault(2);
  const AnonVma* anon_vma = middle.anon_vma;
  modify(pages(2, 4), kRw);
  EXPECT_EQ(picture(), "AAAAAA");
  EXPECT_EQ(left.anon_vma, anon_vma);
}

// Two neighbours with different anon_vmas: the range between joins the one before only.
//   AA**BB
//   AAAABB
TEST_F(Merge, DifferentAnonVmasAreNotJoined) {
  map(pages(0, 2));
  map(pages(4, 6));
  fault(0);
  fault(4);
  ASSERT_NE(tree.find(page(0))->anon_vma, tree.find(page(4))->anon_vma);
  map(pages(2, 4));
  EXPECT_EQ(picture(), "AAAABB");
}

// Neighbours that mprotect could make equal share an anon_vma from the first
// fault on, so that mprotect can merge them.
TEST_F(Merge, CompatibleNeighboursShareAnonVma) {
  map(pages(0, 2), kRw);
  map(pages(2, 4), kRo);
  fault(0);
  fault(2);
  EXPECT_EQ(tree.find(page(0))->anon_vma, tree.find(page(2))->anon_vma);
  modify(pages(2, 4), kRw);
  EXPECT_EQ(picture(), "AAAA");
}

// What a forked child inherited faulted does not merge with new mappings.
TEST_F(Merge, InheritedMappingsStayApartInTheChild) {
  map(pages(0, 2));
  fault(0);
  MappingTree child(registry, port, nullptr);
  child.fork_vma(*tree.find(page(0)));
  child.map({pages(2, 4), kRw, FileRef::none(), 0});
  EXPECT_EQ(picture(child), "AABB");
  map(pages(2, 4));
  EXPECT_EQ(picture(), "AAAA");  // the parent's own do merge
}

// --- mremap ---

// A mapping without pages takes the page offset of its new place, and merges there.
//   AA..**    AA moved behind B
//   ..AAAA
TEST_F(Merge, UnfaultedMappingMergesWhereItIsMoved) {
  Vma& source = map(pages(0, 2));
  map(pages(4, 6));
  const auto copied = tree.copy_vma(source, pages(0, 2), page(2), pages(0, 2).size());
  ASSERT_TRUE(copied.has_value());
  remove(pages(0, 2));
  EXPECT_EQ(picture(), "..AAAA");
}

// A mapping with pages keeps its page offset, so that its pages are found.
TEST_F(Merge, FaultedMappingKeepsPageOffsetWhenMoved) {
  Vma& source = map(pages(0, 4));
  fault(0);
  map(pages(8, 10));
  const auto copied = tree.copy_vma(source, pages(1, 3), page(10), pages(1, 3).size());
  ASSERT_TRUE(copied.has_value());
  EXPECT_EQ(picture(), "AAAA....BBCC");
  EXPECT_EQ(copied->copy->pgoff, page(1).page_number());
  EXPECT_EQ(copied->copy->anon_vma, source.anon_vma);
  EXPECT_EQ(copied->copy->page_index(page(11)), page(2).page_number());
}

// A mapping that is moved right behind itself is merged into itself: source and copy are one.
//   AA**
//   AAAA
TEST_F(Merge, MappingMovedBehindItselfIsBothSourceAndCopy) {
  Vma& source = map(pages(0, 2));
  const auto copied = tree.copy_vma(source, pages(0, 2), page(2), pages(0, 2).size());
  ASSERT_TRUE(copied.has_value());
  EXPECT_EQ(copied->copy, copied->source);
  EXPECT_EQ(picture(), "AAAA");
}

// Growing in place joins the next mapping.
//   AA**BB
//   AAAAAA
TEST_F(Merge, ExtendJoinsNext) {
  Vma& left = map(pages(0, 2));
  map(pages(4, 6));
  EXPECT_EQ(tree.extend(left, PageCount(2)), &left);
  EXPECT_EQ(picture(), "AAAAAA");
}

// --- Huge pages at moved borders ---

// A border inside a 2 MiB block that lies wholly in the mapping is reported;
// one on a block border, or in a block that sticks out, is not.
TEST_F(Merge, BordersInsideHugePagesAreReported) {
  map(pages(0, 1024 + 100));
  modify(pages(100, 512), kRo);
  EXPECT_EQ(port.edges, (std::vector{page(100)}));
  modify(pages(1024 + 50, 1024 + 100), kRo);
  EXPECT_EQ(port.edges.size(), 1U);
}

// When a border moves, the mapping that loses pages may have a huge page there.
//   A******B      A grows to page 100 of B's first block
TEST_F(Merge, MovedBorderIsReportedForTheMappingThatShrinks) {
  map(pages(0, 512), kRw);
  map(pages(512, 2048), kRo);
  modify(pages(512, 612), kRw);
  EXPECT_EQ(port.edges, (std::vector{page(612)}));
}

// --- The mark of guard markers ---

// A mapping that ever had a guard marker merges with one that never had; what
// comes out is marked, whichever of the two stays.
//   AA**      AABB
//   AAAA      AAAA
TEST_F(Merge, MarkOfAGuardIsKeptAndInNobodysWay) {
  Vma& left = map(pages(0, 2));
  left.flags |= VmFlag::kMaybeGuard;
  EXPECT_EQ(&map(pages(2, 4)), &left);
  EXPECT_TRUE(left.flags.has(VmFlag::kMaybeGuard));
  Vma& right = map(pages(4, 6), kRo);
  right.flags |= VmFlag::kMaybeGuard;
  map(pages(6, 8), kRw);
  EXPECT_EQ(&modify(pages(4, 6), kRw | VmFlag::kMaybeGuard), &left);
  EXPECT_EQ(picture(), "AAAAAAAA");
}

// Part of a marked mapping goes to a neighbour: now both are marked, for nobody
// knows where the markers were.
//   AABBBB
//   AAAABB
TEST_F(Merge, PartOfAMarkedMappingMarksItsNewOwner) {
  Vma& left = map(pages(0, 2), kRw);
  Vma& right = map(pages(2, 6), kRo);
  right.flags |= VmFlag::kMaybeGuard;
  modify(pages(2, 4), kRw | VmFlag::kMaybeGuard);
  EXPECT_EQ(picture(), "AAAABB");
  EXPECT_TRUE(left.flags.has(VmFlag::kMaybeGuard));
  EXPECT_TRUE(right.flags.has(VmFlag::kMaybeGuard));
}

}  // namespace
}  // namespace quire::vm
