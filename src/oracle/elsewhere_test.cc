#include "oracle/elsewhere.h"

#include <gtest/gtest.h>

#include <fstream>

#include "litmus/engine_side.h"
#include "litmus/print.h"
#include "litmus/random.h"
#include "litmus/stored.h"
#include "oracle/run.h"
#include "oracle/testing_setting.h"
#include "trace/test_recording.h"

namespace quire::litmus {
namespace {

class Elsewhere : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string name = folder_.file("elsewhere.litmus");
    std::ofstream(name) << text;
    return name;
  }

 private:
  trace::testing::TempDir folder_;
};

// A file that names an architecture is run by that one's engine, whatever its
// pages; sizes are those of its pages.
TEST_F(Elsewhere, TheFileChooses) {
  auto runner = Runner::open(On::kEngine);
  ASSERT_TRUE(runner);
  const auto verdict =
      runner->run(write("arch arm64-64k\nset 512K always\nmap A 1M\nwrite A+0\n  picture A a*8 .*8\n"));
  ASSERT_TRUE(verdict) << verdict.error().line();
  EXPECT_EQ(verdict->kind, Verdict::Kind::kHolds) << to_text(*verdict, Layout::kShow);
  EXPECT_NE(to_text(*verdict, Layout::kShow).find("a*8"), std::string::npos);
}

// What does not hold there fails here, with its line.
TEST_F(Elsewhere, FindingsComeBack) {
  const auto verdict = ask_elsewhere("arm64", write("map A 64K\nwrite A+0\n  expect A present\n"));
  ASSERT_TRUE(verdict) << verdict.error().line();
  EXPECT_EQ(verdict->kind, Verdict::Kind::kFails);
  ASSERT_EQ(verdict->findings.size(), 1U);
  EXPECT_EQ(verdict->findings.front().where.line, 3U);
}

// What x86-64 does in a random experiment arm64 with pages of 4 KiB does as well:
// every ending, page, counter and byte. QUIRE_FUZZ_SEED and QUIRE_FUZZ_RUNS ask for others.
TEST_F(Elsewhere, RandomExperimentsEndAlike) {
  const std::uint64_t first = testing::setting("QUIRE_FUZZ_SEED", 1) * 1'000'000'007U;
  const std::uint64_t runs = testing::setting("QUIRE_FUZZ_RUNS", 40);
  const auto memory = make_host_memory();
  for (std::uint64_t run = 0; run < runs; ++run) {
    Experiment experiment = random_experiment({.seed = first + run});
    const auto side = engine_side(experiment, memory);
    ASSERT_TRUE(side);
    const auto here = record(experiment, **side);
    ASSERT_TRUE(here) << here.error().line();
    for (std::size_t i = 0; i < experiment.steps.size(); ++i)
      experiment.steps[i].ends = here->steps[i].ending.ends;
    const std::string file = write(print(experiment));
    ASSERT_TRUE(store(file, experiment, *here));
    const auto there = ask_elsewhere("arm64", file);
    ASSERT_TRUE(there) << there.error().line();
    EXPECT_TRUE(there->kernel_is_stored);
    EXPECT_EQ(there->kind, Verdict::Kind::kHolds)
        << "run " << run << ": " << (there->findings.empty() ? "unable" : there->findings.front().what);
  }
}

// What that engine says of a bad file is said here.
TEST_F(Elsewhere, RefusalsComeBack) {
  const auto verdict = ask_elsewhere("arm64-16k", write("set 16K madvise\n"));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().kind, Diagnostic::Kind::kDamagedInput);
  EXPECT_NE(
      verdict.error().line().find("elsewhere.litmus:1:5: no size of anonymous memory, expected 64K to 32M"),
      std::string::npos)
      << verdict.error().line();
  EXPECT_FALSE(ask_elsewhere("vax", write("map A 4K\n")));
}

}  // namespace
}  // namespace quire::litmus
