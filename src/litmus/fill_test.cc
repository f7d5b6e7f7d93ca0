#include "litmus/fill.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace quire::litmus {
namespace {

std::vector<std::uint64_t> page_of(Fill fill, std::uint64_t page) {
  FillWords words(fill, page);
  std::vector<std::uint64_t> all(kPageSize / sizeof(std::uint64_t));
  for (std::uint64_t& word : all) word = words.next();
  return all;
}

// The same each time, another for each page, seed and kind.
TEST(Fill, EachPageHasItsOwn) {
  std::set<std::vector<std::uint64_t>> seen;
  for (const auto kind : {Fill::Kind::kNoise, Fill::Kind::kText})
    for (std::uint32_t seed = 0; seed < 20; ++seed)
      for (std::uint64_t page = 0; page < 20; ++page) {
        EXPECT_EQ(page_of({kind, seed}, page), page_of({kind, seed}, page));
        EXPECT_TRUE(seen.insert(page_of({kind, seed}, page)).second) << seed << " " << page;
      }
}

// Text repeats itself, noise does not, zeroes are nothing else.
TEST(Fill, Kinds) {
  const auto different = [](Fill fill) {
    const auto words = page_of(fill, 3);
    return std::set(words.begin(), words.end()).size();
  };
  EXPECT_EQ(different({Fill::Kind::kNoise, 1}), kPageSize / 8);
  EXPECT_LT(different({Fill::Kind::kText, 1}), kPageSize / 8 / 4);
  EXPECT_EQ(page_of({Fill::Kind::kZeroes, 0}, 3), std::vector<std::uint64_t>(kPageSize / 8, 0));
}

}  // namespace
}  // namespace quire::litmus
