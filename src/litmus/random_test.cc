#include "litmus/random.h"

#include <gtest/gtest.h>

#include <set>

#include "litmus/names.h"
#include "litmus/parse.h"
#include "litmus/print.h"
#include "litmus/settings_of.h"

namespace quire::litmus {
namespace {

// The seed decides everything.
TEST(RandomExperiment, DependsOnTheSeedAlone) {
  EXPECT_EQ(random_experiment({.seed = 7}), random_experiment({.seed = 7}));
  EXPECT_NE(random_experiment({.seed = 7}), random_experiment({.seed = 8}));
}

// Each is sound, and the language can say it.
TEST(RandomExperiment, CanBeWrittenDown) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Experiment experiment = random_experiment({.seed = seed});
    ASSERT_EQ(experiment.steps.size(), 60U);
    ASSERT_TRUE(check_names(experiment, "random"));
    const auto again = parse(print(experiment), "random");
    ASSERT_TRUE(again) << again.error().line() << "\n" << print(experiment);
    ASSERT_EQ(*again, experiment) << print(experiment);
  }
}

// Together they do everything they can.
TEST(RandomExperiment, DoesEveryKindOfStep) {
  std::set<std::size_t> kinds;
  std::set<int> advice;
  std::size_t processes = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Lives lives;
    for (const Step& step : random_experiment({.seed = seed}).steps) {
      kinds.insert(step.action.index());
      if (const auto* const a = std::get_if<Advise>(&step.action)) advice.insert(a->advice);
      lives.after(step);
      processes = std::max(processes, lives.alive().size());
    }
  }
  EXPECT_EQ(kinds.size(), 17U);
  EXPECT_EQ(advice.size(), 15U);
  EXPECT_EQ(processes, 4U);
}

// Settings that reach every program of a host are told apart.
TEST(RandomExperiment, KnowsWhichSettingsReachEverybody) {
  unsigned everybody = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const Experiment experiment = random_experiment({.seed = seed});
    const bool always = print(experiment).find("set enabled always") != std::string::npos;
    if (serves_everybody(experiment)) ++everybody;
    EXPECT_TRUE(!always || serves_everybody(experiment)) << seed;
  }
  EXPECT_GT(everybody, 5U);
  EXPECT_LT(everybody, 60U);
}

}  // namespace
}  // namespace quire::litmus
