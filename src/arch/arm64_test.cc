#include "arch/arm64.h"

#include <gtest/gtest.h>

namespace quire::arch {
namespace {

using Arm = Arm64<12>;
constexpr Access kReadOnly{.read = true};
constexpr Access kReadWrite{.read = true, .write = true};
constexpr Pfn kFrame{0x12345};

template <typename T>
class EveryGranule : public testing::Test {};
using Granules = testing::Types<Arm64<12>, Arm64<14>, Arm64<16>>;
TYPED_TEST_SUITE(EveryGranule, Granules);

// What is put into an entry comes out of it, also when the program may not use it.
TYPED_TEST(EveryGranule, KeepsTheFrame) {
  for (const Access access : {Access{}, kReadOnly, kReadWrite, Access{.read = true, .exec = true}}) {
    const Entry e = TypeParam::leaf(kFrame, access);
    EXPECT_EQ(TypeParam::pfn(e), kFrame);
    EXPECT_TRUE(TypeParam::is_present(e));
    EXPECT_EQ(TypeParam::allows(e, kReadOnly), access.read);
    EXPECT_EQ(TypeParam::allows(e, {.write = true}), access.write);
    EXPECT_EQ(TypeParam::allows(e, {.exec = true}), access.exec);
    EXPECT_EQ(TypeParam::pfn(TypeParam::advance(e, 5)), kFrame + PageCount(5));
  }
}

// 48 bits of address need four levels with 4 and 16 KiB, three with 64 KiB;
// a block of entries is 64 KiB, or 2 MiB.
TEST(Arm64, Geometry) {
  EXPECT_EQ(Arm64<12>::kLevels, 4U);
  EXPECT_EQ(Arm64<14>::kLevels, 4U);
  EXPECT_EQ(Arm64<16>::kLevels, 3U);
  EXPECT_EQ((1U << Arm64<12>::kContOrder) << 12, 64U << 10);
  EXPECT_EQ((1U << Arm64<14>::kContOrder) << 14, 2U << 20);
  EXPECT_EQ((1U << Arm64<16>::kContOrder) << 16, 2U << 20);
}

// A writable entry becomes dirty by the hardware alone, and stays dirty when
// writing is forbidden.
TYPED_TEST(EveryGranule, RemembersWrites) {
  const Entry clean = TypeParam::leaf(kFrame, kReadWrite);
  EXPECT_FALSE(TypeParam::is_dirty(clean));
  EXPECT_FALSE(TypeParam::is_dirty(TypeParam::hardware_touch(clean, kReadOnly)));
  const Entry written = TypeParam::hardware_touch(clean, {.write = true});
  EXPECT_TRUE(TypeParam::is_dirty(written));
  EXPECT_TRUE(TypeParam::is_young(written));
  const Entry guarded = TypeParam::write_protect(written);
  EXPECT_TRUE(TypeParam::is_dirty(guarded));
  EXPECT_FALSE(TypeParam::is_writable(guarded));
  EXPECT_FALSE(TypeParam::is_dirty(TypeParam::make_clean(guarded)));
  EXPECT_TRUE(TypeParam::is_dirty(TypeParam::modify(written, kReadOnly)));
  EXPECT_TRUE(TypeParam::is_dirty(TypeParam::make_writable(guarded)));
}

// A change of protection keeps the page and what is known of it, and never
// makes anything writable that was not.
TYPED_TEST(EveryGranule, ModifyKeepsWhatIsKnown) {
  const Entry e = TypeParam::make_young(TypeParam::make_special(TypeParam::leaf(kFrame, kReadOnly)));
  const Entry none = TypeParam::modify(e, {});
  EXPECT_TRUE(TypeParam::is_present(none));
  EXPECT_FALSE(TypeParam::allows(none, kReadOnly));
  const Entry back = TypeParam::modify(none, kReadWrite);
  EXPECT_EQ(TypeParam::pfn(back), kFrame);
  EXPECT_TRUE(TypeParam::is_young(back));
  EXPECT_TRUE(TypeParam::is_special(back));
  EXPECT_FALSE(TypeParam::is_writable(back));
  const Entry writable = TypeParam::modify(TypeParam::leaf(kFrame, kReadWrite), kReadWrite);
  EXPECT_TRUE(TypeParam::is_writable(writable));
}

// Tables, huge leaves and markers are told apart.
TYPED_TEST(EveryGranule, KindsOfEntries) {
  const Entry huge = TypeParam::huge_leaf(kFrame, kReadWrite);
  EXPECT_TRUE(TypeParam::is_leaf(huge));
  EXPECT_TRUE(TypeParam::is_leaf(TypeParam::modify(huge, {})));
  EXPECT_FALSE(TypeParam::is_leaf(TypeParam::table(kFrame)));
  EXPECT_EQ(TypeParam::pfn(TypeParam::table(kFrame)), kFrame);
  EXPECT_FALSE(TypeParam::is_present(TypeParam::guard()));
  EXPECT_FALSE(TypeParam::is_none(TypeParam::guard()));
  EXPECT_TRUE(TypeParam::is_guard(TypeParam::guard()));
}

// The bits are the hardware's: a user's writable page with 4 KiB pages.
TEST(Arm64, BitsOfAWritablePage) {
  const Entry e = Arm::make_young(Arm::leaf(Pfn(1), kReadWrite));
  // valid, page | AP[1] user, AP[2] read-only | inner shareable | AF | nG | DBM | PXN | UXN
  EXPECT_EQ(e.bits, 0x1000U | 3U | (1U << 6) | (1U << 7) | (3U << 8) | (1U << 10) | (1U << 11) |
                        (1ULL << 51) | (1ULL << 53) | (1ULL << 54));
}

}  // namespace
}  // namespace quire::arch
