#include "lab/fault_handler.h"

#include <gtest/gtest.h>

#include <sstream>

namespace quire::lab {
namespace {

std::optional<CodeRange> handler_in(const char* text) {
  std::istringstream kallsyms(text);
  return fault_handler_in(kallsyms);
}

// The entry of x86-64 goes before what it calls, up to the next function wherever
// that stands; data and modules' words do not matter.
TEST(FaultHandler, IsTheOutermostFunction) {
  const auto range = handler_in(
      "ffffffff82000000 T handle_mm_fault\n"
      "ffffffff81000d00 T asm_exc_invalid_op\n"
      "ffffffff81000c80 D no_code\n"
      "ffffffff81000c60 T asm_exc_page_fault\n"
      "ffffffffc0000000 t of_a_module\t[zram]\n");
  ASSERT_TRUE(range);
  EXPECT_EQ(*range, (CodeRange{0xffffffff81000c60, 0xffffffff81000d00}));
  EXPECT_TRUE(range->holds(0xffffffff81000c60));
  EXPECT_FALSE(range->holds(0xffffffff81000d00));
}

// Elsewhere it is what all architectures share.
TEST(FaultHandler, OfAnotherArchitecture) {
  const auto range = handler_in("ffff800080300000 T handle_mm_fault\nffff800080300400 t next\n");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->end - range->begin, 0x400U);
}

// Without the right to addresses all are zero; damage is no handler either.
TEST(FaultHandler, UnknownWhenAddressesAreHidden) {
  EXPECT_FALSE(handler_in("0000000000000000 T asm_exc_page_fault\n0000000000000000 T next\n"));
  EXPECT_FALSE(handler_in("zz T asm_exc_page_fault\nff"));
  EXPECT_FALSE(handler_in(""));
}

}  // namespace
}  // namespace quire::lab
