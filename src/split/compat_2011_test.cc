#include "split/compat_2011.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace quire::split {
namespace {

using Pmd = HugePage2011::Pmd;
using Walked = HugePage2011::Walked;
using Follow = HugePage2011::Follow;

void expect_sound(const HugePage2011& page) {
  base::InvariantReport report;
  page.check_invariants(report);
  EXPECT_TRUE(report.ok());
}

// System 76: get_user_pages returns the head or the tail that was asked for;
// a tail's pin keeps the head as well. (system 75)
TEST(HugePage2011, TailPinsCountOnTailAndHead) {
  HugePage2011 page;
  page.get_page(SubPage(7));
  page.get_page(SubPage(7));
  page.get_page(SubPage(0));
  EXPECT_EQ(page.count(SubPage(7)), 2U);
  EXPECT_EQ(page.count(SubPage(0)), 4U);  // the PMD's, its own, the tail's two
  page.put_page(SubPage(7));
  EXPECT_EQ(page.count(SubPage(0)), 3U);
  expect_sound(page);
}

// A split cannot be refused: every pin goes with the page it was taken on, so
// that exactly that page stays in memory for it.
TEST(HugePage2011, SplitHandsPinsToTheirPages) {
  HugePage2011 page;
  page.get_page(SubPage(0));
  page.get_page(SubPage(7));
  page.get_page(SubPage(7));
  page.split_huge_page_pmd();
  EXPECT_EQ(page.count(SubPage(0)), 2U);
  EXPECT_EQ(page.count(SubPage(7)), 3U);
  EXPECT_EQ(page.count(SubPage(8)), 1U);
  expect_sound(page);
  // Pins from before the split are given back after it, on the small page only.
  page.put_page(SubPage(7));
  EXPECT_EQ(page.count(SubPage(7)), 2U);
  EXPECT_EQ(page.count(SubPage(0)), 2U);
  expect_sound(page);
}

// System 73: FOLL_SPLIT is for callers, as migration then, that cannot handle
// a huge page: they get a small one. Without it the page stays huge.
TEST(HugePage2011, FollSplitSplitsFirst) {
  HugePage2011 page;
  page.follow_page(SubPage(3), Follow::kAsItIs);
  EXPECT_EQ(page.pmd(), Pmd::kHuge);
  page.follow_page(SubPage(4), Follow::kSplit);
  EXPECT_EQ(page.pmd(), Pmd::kTable);
  EXPECT_EQ(page.count(SubPage(3)), 2U);
  EXPECT_EQ(page.count(SubPage(4)), 2U);
  page.follow_page(SubPage(5), Follow::kSplit);  // already small
  expect_sound(page);
}

// System 72: a walker that knows nothing of huge pages adds one line, and
// another that follows finds PTEs.
TEST(HugePage2011, UnawareWalkersSplit) {
  HugePage2011 page;
  EXPECT_EQ(page.walk([] {}), Walked::kHuge);
  page.split_huge_page_pmd();
  page.split_huge_page_pmd();
  bool ran = false;
  EXPECT_EQ(page.walk([&] { ran = true; }), Walked::kPtes);
  EXPECT_FALSE(ran);
}

// System 74: a walker that comes while a split is in progress waits for it,
// and goes on with PTEs whenever it came.
TEST(HugePage2011, WalkersWaitForASplit) {
  HugePage2011 page;
  page.begin_split();
  EXPECT_TRUE(page.pmd_trans_huge());  // still; but not to be worked on
  std::atomic<unsigned> fell_back{0};
  std::vector<std::jthread> walkers;
  for (int i = 0; i < 4; ++i) {
    walkers.emplace_back([&] {
      if (page.walk([] { ADD_FAILURE() << "worked on a page that was being split"; }) == Walked::kPtes)
        ++fell_back;
    });
  }
  page.finish_split();
  walkers.clear();
  EXPECT_EQ(fell_back, 4U);
  EXPECT_EQ(page.pmd(), Pmd::kTable);
}

// Pins come and go on all pages while somebody splits: whichever side of the
// split each falls on, the counts add up in the end. (compound_lock)
TEST(HugePage2011, PinsRaceWithASplit) {
  for (int round = 0; round < 20; ++round) {
    HugePage2011 page;
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < 3; ++t) {
      threads.emplace_back([&page, t] {
        for (unsigned n = 0; n < 300; ++n) {
          const SubPage sub((n * 7 + t) % SubPage::kCount);
          page.get_page(sub);
          if (n % 3 != 0) page.put_page(sub);
        }
      });
    }
    threads.emplace_back([&page] { page.follow_page(SubPage(9), Follow::kSplit); });
    threads.clear();
    EXPECT_EQ(page.pmd(), Pmd::kTable);
    expect_sound(page);
  }
}

}  // namespace
}  // namespace quire::split
