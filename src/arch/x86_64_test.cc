#include "arch/x86_64.h"

#include <gtest/gtest.h>

namespace quire::arch {
namespace {

constexpr Access kRw{.read = true, .write = true};
constexpr Access kRo{.read = true};

// The exact bits of the three commonest entries, as a hardware walker reads them.
TEST(X86_64, EntriesHaveTheHardwareBits) {
  EXPECT_EQ(X86_64::leaf(Pfn(0x1234), kRw).bits, 0x8000000001234007ULL);
  EXPECT_EQ(X86_64::huge_leaf(Pfn(0x200), kRo).bits, 0x8000000000200085ULL);
  EXPECT_EQ(X86_64::table(Pfn(5)).bits, 0x5067ULL);
  EXPECT_EQ(X86_64::leaf(Pfn(1), {.read = true, .exec = true}).bits, 0x1005ULL);
}

// An entry without any access keeps its page, inverted, and lets nothing through.
TEST(X86_64, ProtNoneKeepsThePageAndAllowsNothing) {
  const Entry e = X86_64::make_dirty(X86_64::leaf(Pfn(0x1234), kRw));
  const Entry none = X86_64::modify(e, {});
  EXPECT_TRUE(X86_64::is_present(none));
  EXPECT_FALSE(X86_64::is_none(none));
  EXPECT_EQ(X86_64::pfn(none), Pfn(0x1234));
  EXPECT_FALSE(X86_64::allows(none, kRo));
  EXPECT_NE(none.bits & 0xffffff000ULL, 0x1234000ULL);
  EXPECT_EQ(X86_64::pfn(X86_64::advance(none, 3)), Pfn(0x1237));
  const Entry back = X86_64::modify(none, kRw);
  EXPECT_EQ(X86_64::pfn(back), Pfn(0x1234));
  EXPECT_TRUE(X86_64::allows(back, kRo));
  EXPECT_TRUE(X86_64::is_dirty(back));
  EXPECT_EQ(back.bits, X86_64::write_protect(e).bits);
  EXPECT_FALSE(X86_64::is_writable(back)) << "mprotect decides page by page who may write again";
}

// A guard marker is neither empty nor present and cannot be taken for a page.
TEST(X86_64, AGuardMarkerHoldsNoPage) {
  const Entry e = X86_64::guard();
  EXPECT_EQ(e.bits, 0xfffffffffffff600ULL);
  EXPECT_TRUE(X86_64::is_guard(e));
  EXPECT_FALSE(X86_64::is_none(e) || X86_64::is_present(e) || X86_64::is_leaf(e));
  EXPECT_FALSE(X86_64::allows(e, {.read = true}));
  EXPECT_FALSE(X86_64::is_guard(X86_64::leaf(Pfn(1), {.read = true})) || X86_64::is_guard(Entry{}));
}

// modify takes rights away but never gives the write bit.
TEST(X86_64, ModifyNeverAddsTheWriteBit) {
  const Entry ro = X86_64::leaf(Pfn(7), kRo);
  EXPECT_FALSE(X86_64::is_writable(X86_64::modify(ro, kRw)));
  const Entry rw = X86_64::leaf(Pfn(7), kRw);
  EXPECT_TRUE(X86_64::is_writable(X86_64::modify(rw, kRw)));
  EXPECT_FALSE(X86_64::is_writable(X86_64::modify(rw, kRo)));
}

// A run of a folio goes on over differing accessed, dirty and write bits, and
// ends where the frame or any other bit breaks off.
TEST(X86_64, RunsIgnoreAccessedDirtyAndWrite) {
  const Entry first = X86_64::leaf(Pfn(16), kRw);
  EXPECT_TRUE(
      X86_64::continues(first, X86_64::make_young(X86_64::make_dirty(X86_64::leaf(Pfn(18), kRo))), 2));
  EXPECT_FALSE(X86_64::continues(first, X86_64::leaf(Pfn(19), kRw), 2));
  EXPECT_FALSE(X86_64::continues(first, X86_64::leaf(Pfn(18), {.read = true, .exec = true}), 2));
}

// allows() is what the hardware checks.
TEST(X86_64, AllowsWhatTheHardwareAllows) {
  const Entry ro = X86_64::leaf(Pfn(7), kRo);
  EXPECT_TRUE(X86_64::allows(ro, kRo));
  EXPECT_FALSE(X86_64::allows(ro, kRw));
  EXPECT_FALSE(X86_64::allows(ro, {.read = true, .exec = true}));
  EXPECT_TRUE(X86_64::allows(X86_64::leaf(Pfn(7), {.read = true, .exec = true}), {.exec = true}));
  EXPECT_FALSE(X86_64::allows(Entry{}, kRo));
}

}  // namespace
}  // namespace quire::arch
