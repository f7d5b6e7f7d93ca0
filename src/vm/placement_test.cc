#include "vm/placement.h"

#include <gtest/gtest.h>

#include "vm/testing_tree.h"

namespace quire::vm {
namespace {

using testing::kRw;
using Placement = testing::TreeTest;

constexpr VirtAddr kTop{0x7ffff7fff000};  // mmap_base for a stack of 8 MiB

PlacementRequest anonymous(std::uint64_t pages) {
  PlacementRequest request;
  request.length = PageCount(pages).bytes();
  return request;
}

VirtAddr place(const MappingTree& tree, const PlacementRequest& request) {
  return get_unmapped_area(tree, compute_layout(8_MiB), request).value();
}

// A small stack limit leaves 128 MiB, a large one its size and the guard gap, none 5/6 of all.
TEST_F(Placement, BaseFollowsTheStackLimit) {
  EXPECT_EQ(compute_layout(8_MiB).mmap_base, kTop);
  EXPECT_EQ(compute_layout(1_GiB).mmap_base, kTaskSize - 1_GiB - kStackGuardGap);
  EXPECT_EQ(compute_layout(ByteCount(~0ULL)).mmap_base, VirtAddr(0x155555556000));
}

// Small mappings stack downwards from the base without holes.
TEST_F(Placement, SmallMappingsGoBelowEachOther) {
  EXPECT_EQ(place(tree, anonymous(3)), kTop - PageCount(3));
  map({kTop - PageCount(3), kTop});
  EXPECT_EQ(place(tree, anonymous(1)), kTop - PageCount(4));
}

// The highest hole that is large enough is taken.
TEST_F(Placement, HighestHoleThatFitsIsTaken) {
  map({kTop - PageCount(3), kTop});
  map({kTop - PageCount(10), kTop - PageCount(5)});
  EXPECT_EQ(place(tree, anonymous(2)), kTop - PageCount(5));
  EXPECT_EQ(place(tree, anonymous(3)), kTop - PageCount(13));
}

// Whole 2 MiB blocks of anonymous memory are aligned; anything else is not.
TEST_F(Placement, WholeHugePagesAreAligned) {
  EXPECT_TRUE(place(tree, anonymous(512)).aligned(kOrderPmd));
  EXPECT_TRUE(place(tree, anonymous(1536)).aligned(kOrderPmd));
  EXPECT_EQ(place(tree, anonymous(513)), kTop - PageCount(513));
}

// A mapping of a file is placed so that file offset and address agree modulo 2 MiB.
TEST_F(Placement, FileOffsetAndAddressAgree) {
  PlacementRequest request = anonymous(1200);
  request.rule = PlacementRule::kThpFile;
  request.pgoff = 100;
  EXPECT_EQ(place(tree, request).page_number() % 512, 100U);
  request.length = PageCount(600).bytes();  // no whole block in it: like any other
  EXPECT_EQ(place(tree, request), kTop - PageCount(600));
}

// Shared memory is aligned only when its huge pages are on and it is long enough.
TEST_F(Placement, SharedMemoryIsAlignedForItsHugePages) {
  PlacementRequest request = anonymous(17);
  request.rule = PlacementRule::kShmem;
  EXPECT_EQ(place(tree, request), kTop - PageCount(17));
  request.shmem_order = Order(4);
  EXPECT_TRUE(place(tree, request).aligned(Order(4)));
  request.shmem_order = kOrderPmd;
  EXPECT_EQ(place(tree, request), kTop - PageCount(17));
}

// A free hint is taken as it is, rounded down to its page; a taken one is ignored.
TEST_F(Placement, FreeHintIsTaken) {
  const VirtAddr free(0x7f0000000000);
  PlacementRequest request = anonymous(512);
  request.hint = free + ByteCount(5);
  EXPECT_EQ(place(tree, request), free);
  map({free + PageCount(511), free + PageCount(512)});
  EXPECT_EQ(place(tree, request), kTop - PageCount(512));
}

// A hint below the lowest address means that address.
TEST_F(Placement, LowHintIsRaised) {
  PlacementRequest request = anonymous(1);
  request.hint = VirtAddr(kPageSize);
  EXPECT_EQ(place(tree, request), kMmapMinAddr);
}

// Below a stack 256 pages stay free, for hints and for searches.
TEST_F(Placement, GuardGapOfStacksStaysFree) {
  map({kTop - PageCount(1000), kTop - PageCount(900)}, kRw | VmFlag::kGrowsDown);
  map({kTop - PageCount(900), kTop}, kRw);
  const VirtAddr below = kTop - PageCount(1000) - kStackGuardGap;
  EXPECT_EQ(place(tree, anonymous(5)), below - PageCount(5));
  PlacementRequest request = anonymous(5);
  request.hint = below;
  EXPECT_EQ(place(tree, request), below - PageCount(5));
}

// With no room below the base, the search goes upwards from a third of the address space.
TEST_F(Placement, FallsBackToBottomUp) {
  map({kMmapMinAddr, kTop});
  EXPECT_EQ(place(tree, anonymous(1)), kTop);
  map({kTop, kTaskSize});
  EXPECT_EQ(get_unmapped_area(tree, compute_layout(8_MiB), anonymous(1)).error(), Errno::kNoMem);
}

// The old layout goes upwards.
TEST_F(Placement, BottomUpLayoutGoesUpwards) {
  const MmapLayout layout = compute_layout(8_MiB, MmapLayout::Direction::kBottomUp);
  EXPECT_EQ(get_unmapped_area(tree, layout, anonymous(1)).value(), layout.mmap_legacy_base);
  map({layout.mmap_legacy_base, layout.mmap_legacy_base + PageCount(2)});
  EXPECT_EQ(get_unmapped_area(tree, layout, anonymous(1)).value(), layout.mmap_legacy_base + PageCount(2));
}

// Fixed addresses are not looked for, only looked at.
TEST_F(Placement, FixedAddressesAreChecked) {
  const MmapLayout layout = compute_layout(8_MiB);
  PlacementRequest request = anonymous(1);
  request.fixed = PlacementRequest::Fixed::kYes;
  request.hint = testing::page(3);
  map(testing::pages(3, 4));
  EXPECT_EQ(get_unmapped_area(tree, layout, request).value(), testing::page(3));
  request.hint = testing::page(3) + ByteCount(1);
  EXPECT_EQ(get_unmapped_area(tree, layout, request).error(), Errno::kInval);
  request.hint = VirtAddr(kPageSize);
  EXPECT_EQ(get_unmapped_area(tree, layout, request).error(), Errno::kPerm);
  request.hint = kTaskSize;
  EXPECT_EQ(get_unmapped_area(tree, layout, request).error(), Errno::kNoMem);
}

// Lengths that cannot be are refused.
TEST_F(Placement, BadLengthsAreRefused) {
  const MmapLayout layout = compute_layout(8_MiB);
  EXPECT_EQ(get_unmapped_area(tree, layout, anonymous(0)).error(), Errno::kInval);
  PlacementRequest request;
  request.length = ByteCount(~0ULL);
  EXPECT_EQ(get_unmapped_area(tree, layout, request).error(), Errno::kNoMem);
}

// Flags print as smaps prints them.
TEST(VmFlagsText, PrintsLikeSmaps) {
  EXPECT_EQ(to_string(kRw | VmFlag::kHugePage), "rw-p ac hg");
  EXPECT_EQ(to_string(VmFlag::kShared | VmFlag::kExec), "--xs");
}

}  // namespace
}  // namespace quire::vm
