// quire litmus run as people run it: verdicts, exit codes, JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/testing_program.h"
#include "trace/test_recording.h"

namespace quire::cli {
namespace {

using testing::Finished;
using ::testing::HasSubstr;
using testing::User;

constexpr const char* kHolds =
    "about One folio.\nset 64K madvise\nmap A 64K\nadvise HUGEPAGE A\nwrite A+0 = 7\n";

class LitmusRun : public ::testing::Test {
 protected:
  [[nodiscard]] Finished run(const std::vector<std::string>& words, User user = User::kSame) const {
    std::vector<std::string> all{"litmus", "run"};
    all.insert(all.end(), words.begin(), words.end());
    return testing::run_program(QUIRE_PROGRAM, all, user, folder_.file("."));
  }
  [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.file(name)) << text;
    return folder_.file(name);
  }

 private:
  trace::testing::TempDir folder_;
};

// One line for a file that holds.
TEST_F(LitmusRun, Holds) {
  const std::string name = file("x.litmus", std::string(kHolds) + "  picture A a*16\n");
  const Finished done = run({name});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(done.out, "holds  " + name + "\n");
}

// Another for each expectation that is not met, with its line.
TEST_F(LitmusRun, Fails) {
  const std::string name = file("x.litmus", std::string(kHolds) + "  picture A 0 .*15\n");
  const Finished done = run({name});
  EXPECT_EQ(done.status, 3);
  EXPECT_EQ(done.out, "FAILS  " + name + "\n  " + name +
                          ":6: engine: from A on the picture of A is a*16, expected 0 .*15\n");
}

// What a side cannot do is told apart from what is wrong.
TEST_F(LitmusRun, Unable) {
  const Finished done = run({file("x.litmus", std::string(kHolds) + "uffd protect A\n")});
  EXPECT_EQ(done.status, 4);
  EXPECT_THAT(done.out,
              HasSubstr("engine: write-protection by userfaultfd: not modelled by the engine yet\n"));
}

// A file that is no experiment is told with its place, and the others run.
TEST_F(LitmusRun, Misspelt) {
  const std::string bad = file("bad.litmus", "map A 64K\nwrit A\n"), good = file("good.litmus", kHolds);
  const Finished done = run({bad, good});
  EXPECT_EQ(done.status, 5);
  EXPECT_THAT(done.err, HasSubstr("bad.litmus:2:1: found \"writ\", expected a verb"));
  EXPECT_THAT(done.err, HasSubstr("did you mean write?"));
  EXPECT_EQ(done.out, "holds  " + good + "\n");
}

TEST_F(LitmusRun, Misused) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"--on", "moon", "x"}).status, 2);
  EXPECT_EQ(run({"--store", "x"}).status, 2);
}

// The kernel is not asked by who may not.
TEST_F(LitmusRun, NeedsRootForTheKernel) {
  const Finished done = run({"--on", "both", file("x.litmus", kHolds)}, User::kNobody);
  if (done.status >= 97 && done.status <= 99) GTEST_SKIP() << "the program cannot be run by nobody here";
  EXPECT_EQ(done.status, 4) << done.err;
  EXPECT_EQ(testing::lines(done.err), 1) << done.err;
}

TEST_F(LitmusRun, Layout) {
  const Finished done = run({"--layout", file("x.litmus", kHolds)});
  EXPECT_THAT(
      done.out,
      HasSubstr("   5: write A+0 = 7 (1 fault)\n        p: A a*16\n        64K/anon_fault_alloc +1\n"));
}

// Each step with its pages.
TEST_F(LitmusRun, Json) {
  const Finished done = run({"--json", file("x.litmus", kHolds)});
  EXPECT_EQ(done.status, 0);
  const auto json = nlohmann::json::parse(done.out, nullptr, false);
  ASSERT_TRUE(json.is_object());
  const auto& experiment = json["experiments"][0];
  EXPECT_EQ(experiment["verdict"], "holds");
  const auto& step = experiment["engine"]["steps"][2];
  EXPECT_EQ(step["counters"]["64K/anon_fault_alloc"], 1);
  const auto& run = step["views"][0]["runs"][0];
  EXPECT_EQ(run["order"], 4);
  EXPECT_EQ(run["pages"], 16);
  EXPECT_EQ(run["exclusive"], true);
}

}  // namespace
}  // namespace quire::cli
