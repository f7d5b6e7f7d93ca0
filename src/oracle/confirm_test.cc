#include "oracle/confirm.h"

#include <gtest/gtest.h>

namespace quire::litmus {
namespace {

constexpr Patience kAtOnce{.runs = 4, .page_runs = 3, .first_pause = std::chrono::milliseconds(0)};

Finding counter(unsigned line) { return {{line, 1}, "counter " + std::to_string(line), Evidence::kCounter}; }
Finding certain() { return {{9, 1}, "A is absent", Evidence::kCertain}; }

// Plays back runs, the last one again and again; counts them.
struct Runs {
  std::vector<std::vector<Finding>> played;
  std::size_t done = 0;
  Attempt attempt() {
    return [this]() -> Result<std::vector<Finding>, Diagnostic> {
      return played[std::min(done++, played.size() - 1)];
    };
  }
};

// Nothing wrong: nothing to repeat.
TEST(Confirm, OneRunWhenAllIsWell) {
  Runs runs{{{}}};
  EXPECT_TRUE(confirmed_findings(runs.attempt(), kAtOnce)->empty());
  EXPECT_EQ(runs.done, 1U);
}

// A page that differs every time is a difference; that takes fewer runs to know.
TEST(Confirm, FewerRunsWhenPagesDiffer) {
  Runs runs{{{counter(1), certain()}, {certain()}}};
  const auto findings = confirmed_findings(runs.attempt(), kAtOnce);
  ASSERT_EQ(findings->size(), 1U);
  EXPECT_EQ(findings->front(), certain());
  EXPECT_EQ(runs.done, 3U);
}

// A folio that somebody held for a moment was copied once.
TEST(Confirm, ForgetsAPageThatDiffersOnce) {
  Runs runs{{{counter(1), certain()}, {}}};
  EXPECT_TRUE(confirmed_findings(runs.attempt(), kAtOnce)->empty());
  EXPECT_EQ(runs.done, 2U);
}

// A counter that another program moved does so once.
TEST(Confirm, ForgetsWhatDoesNotComeAgain) {
  Runs runs{{{counter(1), counter(2)}, {counter(2), counter(3)}, {}}};
  EXPECT_TRUE(confirmed_findings(runs.attempt(), kAtOnce)->empty());
  EXPECT_EQ(runs.done, 3U);
}

TEST(Confirm, KeepsWhatComesEveryTime) {
  Runs runs{{{counter(1), counter(2)}, {counter(2)}}};
  const auto findings = confirmed_findings(runs.attempt(), kAtOnce);
  ASSERT_EQ(findings->size(), 1U);
  EXPECT_EQ(findings->front(), counter(2));
  EXPECT_EQ(runs.done, 4U);
}

// The run that is kept has nothing of others in it.
TEST(Confirm, EndsWithACleanRun) {
  Runs runs{{{counter(1)}, {counter(2)}, {counter(3)}, {}}};
  EXPECT_TRUE(confirmed_findings(runs.attempt(), kAtOnce)->empty());
  EXPECT_EQ(runs.done, 4U);
}

}  // namespace
}  // namespace quire::litmus
