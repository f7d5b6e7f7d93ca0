#include "compress/zs_classes.h"

#include <gtest/gtest.h>

#include <set>

namespace quire::compress {
namespace {

const ZsClass* at(const ZsClasses& classes, std::uint64_t size) {
  for (const ZsClass& c : classes.all())
    if (c.size == ByteCount(size)) return &c;
  return nullptr;
}

struct Known {
  unsigned index;
  std::uint64_t size, pages;
};

// The classes that the kernel's documentation shows for chains of four pages.
TEST(ZsClasses, AreTheKernelsWithChainsOfFour) {
  if (kPageSize != 4096) GTEST_SKIP() << "the documented table is of 4 KiB pages";
  const ZsClasses classes({.chain_size = 4});
  for (const Known& k : {Known{94, 1536, 3}, Known{100, 1632, 2}, Known{107, 1744, 3}, Known{111, 1808, 4},
                         Known{126, 2048, 1}, Known{144, 2336, 4}, Known{151, 2448, 3}, Known{168, 2720, 2},
                         Known{190, 3072, 3}, Known{202, 3264, 4}, Known{254, 4096, 1}}) {
    const ZsClass* c = at(classes, k.size);
    ASSERT_NE(c, nullptr) << k.size;
    EXPECT_EQ(c->index, k.index);
    EXPECT_EQ(c->pages, PageCount(k.pages));
  }
  EXPECT_EQ(at(classes, 3280), nullptr) << "is merged into 4096";
}

// The first object that is as dear as a page, as the documentation gives it
// for both chain sizes.
TEST(ZsClasses, HugeClassFollowsTheChainSize) {
  if (kPageSize != 4096) GTEST_SKIP() << "the documented sizes are of 4 KiB pages";
  EXPECT_EQ(ZsClasses({.chain_size = 4}).huge_class_size(4_KiB), ByteCount(3264 - 7));
  EXPECT_EQ(ZsClasses({.chain_size = 8}).huge_class_size(4_KiB), ByteCount(3632 - 7));
}

class ZsClassesOf : public ::testing::TestWithParam<ZsOptions> {};
INSTANTIATE_TEST_SUITE_P(
    All, ZsClassesOf,
    ::testing::Values(ZsOptions{}, ZsOptions{.chain_size = 4}, ZsOptions{.chain_size = 16},
                      ZsOptions{.largest_object = ByteCount(4 * kPageSize)},
                      ZsOptions{.largest_object = ByteCount(16 * kPageSize)},
                      ZsOptions{.largest_object = ByteCount(4 * kPageSize), .layout = ZsLayout::kUnits},
                      ZsOptions{.largest_object = ByteCount(16 * kPageSize), .layout = ZsLayout::kUnits}));

// I-ZSCLASS-1, for every size there is; and a smaller class would not do.
TEST_P(ZsClassesOf, EveryObjectFitsTheSmallestClassThatHasRoom) {
  const ZsClasses classes(GetParam());
  for (std::uint64_t size = 1; size <= GetParam().largest_object.raw(); ++size) {
    const unsigned number = classes.number_for(ByteCount(size));
    const ZsClass& c = classes.all()[number];
    ASSERT_LE(size + c.handle_room().raw(), c.size.raw()) << size;
    ASSERT_GE(c.pages.bytes().raw(), c.objects * c.size.raw());
    if (number == 0) continue;
    ASSERT_GT(size + kZsHandleRoom.raw(), classes.all()[number - 1].size.raw()) << size;
  }
}

// I-ZSCLASS-2.
TEST_P(ZsClassesOf, NoTwoAreAlike) {
  const ZsClasses classes(GetParam());
  std::set<std::pair<PageCount, unsigned>> seen;
  for (const ZsClass& c : classes.all()) EXPECT_TRUE(seen.emplace(c.pages, c.objects).second) << c.size.raw();
}

// From huge_class_size on an object costs what the whole unit costs; just below it less.
TEST_P(ZsClassesOf, HugeObjectsCostAWholeUnit) {
  const ZsClasses classes(GetParam());
  for (const ByteCount unit : {ByteCount(kPageSize), GetParam().largest_object}) {
    const ByteCount huge = classes.huge_class_size(unit);
    const std::uint64_t unit_pages = unit.raw() / kPageSize;
    for (ByteCount size = huge; size <= unit; size += ByteCount(1)) {
      ASSERT_GE(classes.of(size).pages.raw(), classes.of(size).objects * unit_pages) << size.raw();
    }
    const ZsClass& below = classes.of(huge - ByteCount(1));
    EXPECT_LT(below.pages.raw(), below.objects * unit_pages);
  }
}

}  // namespace
}  // namespace quire::compress
