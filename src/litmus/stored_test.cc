// Results beside a file: read back, refused when the file has other steps.
#include "litmus/stored.h"

#include <gtest/gtest.h>

#include <fstream>

#include "litmus/check.h"
#include "litmus/engine_side.h"
#include "litmus/parse.h"
#include "trace/test_recording.h"

namespace quire::litmus {
namespace {

constexpr const char* kText = "set 64K madvise\nmap A 64K\nadvise HUGEPAGE A\nwrite A+0 = 7\n";

Recording recorded(const Experiment& experiment) {
  auto side = engine_side(experiment);
  EXPECT_TRUE(side);
  return *record(experiment, **side);
}

class Stored : public ::testing::Test {
 protected:
  trace::testing::TempDir folder_;
  std::string file_ = folder_.file("x.litmus");
  Experiment experiment_ = *parse(kText, "x");
};

TEST_F(Stored, LiesBesideTheFile) { EXPECT_EQ(stored_name("a/x.litmus"), "a/x.kernel.json"); }

TEST_F(Stored, NothingIsNoError) {
  const auto loaded = load_stored(file_, experiment_);
  ASSERT_TRUE(loaded) << loaded.error().line();
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(Stored, IsReadBack) {
  const Recording recording = recorded(experiment_);
  ASSERT_TRUE(store(file_, experiment_, recording));
  const auto loaded = load_stored(file_, experiment_);
  ASSERT_TRUE(loaded && loaded->has_value());
  EXPECT_EQ((*loaded)->steps, recording.steps);
  EXPECT_TRUE(compare(experiment_, recording, **loaded).empty());
}

// What a file says and expects may change, what it does may not.
TEST_F(Stored, BelongsToTheSteps) {
  ASSERT_TRUE(store(file_, experiment_, recorded(experiment_)));
  const Experiment said =
      *parse(std::string("about More.\nrule 2.2\n") + kText + "expect A order 64K\n", "x");
  EXPECT_TRUE(load_stored(file_, said));
  const Experiment more = *parse(std::string(kText) + "unmap A\n", "x");
  const auto refused = load_stored(file_, more);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Diagnostic::Kind::kDamagedInput);
  EXPECT_EQ(refused.error().what, "the stored result is of another experiment");
}

TEST_F(Stored, DamageIsRefused) {
  for (const char* const text : {"", "{", "[]", R"({"version":1})", R"({"version":2,"recording":{}})"}) {
    std::ofstream(stored_name(file_)) << text;
    EXPECT_FALSE(load_stored(file_, experiment_)) << text;
  }
}

}  // namespace
}  // namespace quire::litmus
