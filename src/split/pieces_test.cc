#include "split/pieces.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace quire::split {
namespace {

std::string pieces(unsigned from, unsigned to, std::optional<std::uint64_t> round = {}) {
  vm::SplitRequest request{.to = Order(to), .round = {}};
  if (round) request.round = PageCount(*round);
  std::string text;
  for (const Order o : pieces_of(Order(from), request)) text += static_cast<char>('0' + o.raw());
  return text;
}

// A uniform split: all alike.
TEST(Pieces, Uniform) {
  EXPECT_EQ(pieces(4, 2), "2222");
  EXPECT_EQ(pieces(4, 3), "33");
  EXPECT_EQ(pieces(3, 0), "00000000");
  EXPECT_EQ(pieces(9, 0).size(), 512U);
}

// Round a page: halves on both sides of it, and no two pages in one folio.
TEST(Pieces, RoundAPage) {
  EXPECT_EQ(pieces(4, 0, 0), "000023");
  EXPECT_EQ(pieces(4, 0, 15), "320000");
  EXPECT_EQ(pieces(4, 0, 6), "200003");
  EXPECT_EQ(pieces(4, 2, 9), "322");
  EXPECT_EQ(pieces(9, 8, 300), "88");
  EXPECT_EQ(pieces(9, 4, 0), "445678");
  EXPECT_EQ(pieces(2, 0, 3), "0000");
}

// Whatever is asked for, the pieces fill the folio, lie on their own size and
// hold the page in one of the order wanted.
TEST(Pieces, FillTheFolioAligned) {
  for (unsigned from = 2; from <= 9; ++from) {
    for (unsigned to = 0; to < from; ++to) {
      if (to == 1) continue;
      for (std::uint64_t page = 0; page < (1U << from); page += 3) {
        std::uint64_t at = 0;
        for (const Order o : pieces_of(Order(from), {.to = Order(to), .round = PageCount(page)})) {
          ASSERT_EQ(at % o.pages().raw(), 0U);
          const bool holds_page = at <= page && page < at + o.pages().raw();
          ASSERT_TRUE(!holds_page || o == Order(to));
          at += o.pages().raw();
        }
        ASSERT_EQ(at, 1U << from);
      }
    }
  }
}

}  // namespace
}  // namespace quire::split
