#include "cost/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace quire::cost {
namespace {

using ::testing::HasSubstr;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  text.replace(text.find(what), what.size(), with);
  return text;
}

std::string refusal(const std::string& text) {
  const auto profile = parse_profile(text, "mine.toml");
  return profile ? "accepted" : profile.error().line();
}

// What is written reads back, to a tenth of a nanosecond.
TEST(Profile, ReadsBack) {
  const std::string text = to_toml(reference_profile());
  const auto again = parse_profile(text, "mine.toml");
  ASSERT_TRUE(again) << again.error().line();
  EXPECT_EQ(to_toml(*again), text);
  EXPECT_EQ(again->name, reference_profile().name);
}

// Every profile that ships can be read; those made of published figures say that nobody measured here.
TEST(Profile, AllThatShipAreRead) {
  std::size_t published = 0;
  for (const auto& entry : std::filesystem::directory_iterator(QUIRE_SOURCE_DIR "/profiles")) {
    const auto profile = read_profile(entry.path().string());
    ASSERT_TRUE(profile) << profile.error().line();
    EXPECT_EQ(profile->name, entry.path().stem().string());
    if (profile->rounds == 0) ++published;
  }
  EXPECT_EQ(published, 2U);
}

// The profile that ships was measured: every kind of work takes time, and a
// larger folio more than a smaller one to make.
TEST(Profile, TheReferenceIsMeasured) {
  const Profile& p = reference_profile();
  EXPECT_GE(p.rounds, 6U);
  for (std::size_t i = 0; i < kWorks; ++i)
    EXPECT_GT(p.of(static_cast<Work>(i)).median, 0) << name_of(static_cast<Work>(i));
  for (unsigned o = 3; o <= kOrderPmd.raw(); ++o)
    EXPECT_GT(p.of(SizedWork::kFault, Order(o)).median, p.of(SizedWork::kFault, Order(o - 1)).median);
}

// A host without zram has no prices of swap: they may be missing, and are written only when there are some.
TEST(Profile, MayDoWithoutSwap) {
  Profile without = reference_profile();
  without.of(Work::kSwapOut) = {};
  without.of(Work::kSwapIn) = {};
  const std::string text = to_toml(without);
  EXPECT_THAT(text, ::testing::Not(HasSubstr("swap")));
  const auto read = parse_profile(text, "test");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, without);
  EXPECT_FALSE(read->prices_swap());
  EXPECT_TRUE(reference_profile().prices_swap());
}

// A mistake is told with its line, and the member it may have been.
TEST(Profile, RefusesMistakes) {
  const std::string good = to_toml(reference_profile());
  EXPECT_THAT(refusal(replaced(good, "zero_fault", "zero_faults")), HasSubstr("work.zero_fault is missing"));
  EXPECT_THAT(refusal(good + "\n[forks]\n"), HasSubstr("forks is not known here; did you mean fork?"));
  EXPECT_THAT(refusal(replaced(good, "zero_fault = [", "zero_fault = [-1, ")), HasSubstr("no time"));
  EXPECT_THAT(refusal(replaced(good, "cpu =", "cpu = =")), HasSubstr("mine.toml:"));
  EXPECT_THAT(refusal(replaced(good, "rounds = ", "rounds = 'x' #")), HasSubstr("another kind"));
  EXPECT_THAT(refusal(""), HasSubstr("name is missing"));
}

// Without a median inside its interval it is no time.
TEST(Profile, TheMedianLiesInItsInterval) {
  std::string text = to_toml(reference_profile());
  const std::size_t at = text.find("table = [");
  text.replace(at, text.find('\n', at) - at, "table = [5.0, 6.0, 7.0]");
  EXPECT_THAT(refusal(text), HasSubstr("work.table has a median outside of its interval"));
}

}  // namespace
}  // namespace quire::cost
