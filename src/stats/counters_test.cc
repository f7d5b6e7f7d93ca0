#include "stats/counters.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire::stats {
namespace {

// The spelling of an enumerator in the header, as the compiler prints it.
template <auto kValue>
std::string_view spelling() {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(0, text.find_first_of(";]", text.find("kValue = ")));
  return text.substr(text.rfind(':') + 1);
}

struct Listed {
  std::string_view spelled;
  std::string_view name;
  std::string_view meaning;
};

template <typename Enum, std::size_t... kAt>
std::vector<Listed> list(std::index_sequence<kAt...>) {
  return {Listed{spelling<static_cast<Enum>(kAt)>(), name(static_cast<Enum>(kAt)),
                 meaning(static_cast<Enum>(kAt))}...};
}

std::vector<Listed> all_counters() {
  std::vector<Listed> all = list<VmEvent>(std::make_index_sequence<kVmEvents>());
  const std::vector<Listed> sizes = list<MthpStat>(std::make_index_sequence<kMthpStats>());
  all.insert(all.end(), sizes.begin(), sizes.end());
  return all;
}

// The name a reader sees is the enumerator the code counts with, so that no
// number is shown under its neighbour's name.
TEST(Counters, NameIsTheSpellingOfTheEnumerator) {
  for (const Listed& c : all_counters()) EXPECT_EQ(c.name, c.spelled);
}

// No two counters of the machine share a name, nor two of one size (the kernel
// has a zswpout of each kind); no two of all share a meaning.
TEST(Counters, NamesAndMeaningsAreDistinct) {
  std::set<std::pair<bool, std::string_view>> names;
  std::set<std::string_view> meanings;
  std::size_t at = 0;
  for (const Listed& c : all_counters()) {
    EXPECT_TRUE(names.emplace(at++ < kVmEvents, c.name).second) << c.name;
    EXPECT_TRUE(meanings.insert(c.meaning).second) << c.name;
  }
  EXPECT_EQ(names.size(), kVmEvents + kMthpStats);
}

// A meaning is one sentence.
TEST(Counters, MeaningIsOneSentence) {
  for (const Listed& c : all_counters()) {
    ASSERT_FALSE(c.meaning.empty()) << c.name;
    EXPECT_EQ(c.meaning.back(), '.') << c.name;
    EXPECT_EQ(c.meaning.find(". "), std::string_view::npos) << c.name;
  }
}

// An event moves its own counter and no other.
TEST(Counters, EventMovesOneCounter) {
  Counters counters;
  counters.add(VmEvent::thp_split_pmd, 3);
  for (std::size_t i = 0; i < kVmEvents; ++i) {
    const auto e = static_cast<VmEvent>(i);
    EXPECT_EQ(counters.get(e), e == VmEvent::thp_split_pmd ? 3U : 0U) << name(e);
  }
}

// A size's counter moves for that size only, and a gauge comes back down.
TEST(Counters, SizeCountersAreKeptApartAndGaugesFall) {
  Counters counters;
  counters.add(MthpStat::nr_anon, Order(4), 2);
  counters.add(MthpStat::nr_anon, Order(9));
  counters.add(MthpStat::nr_anon, Order(4), -1);
  EXPECT_EQ(counters.get(MthpStat::nr_anon, Order(4)), 1);
  EXPECT_EQ(counters.get(MthpStat::nr_anon, Order(9)), 1);
  EXPECT_EQ(counters.get(MthpStat::nr_anon, Order(3)), 0);
  EXPECT_EQ(counters.get(MthpStat::split, Order(4)), 0);
}

// Counters are per kernel: two that counted the same are equal.
TEST(Counters, EqualWhenTheSameWasCounted) {
  Counters a;
  Counters b;
  a.add(VmEvent::pgfault);
  EXPECT_FALSE(a == b);
  b.add(VmEvent::pgfault);
  EXPECT_TRUE(a == b);
}

}  // namespace
}  // namespace quire::stats
