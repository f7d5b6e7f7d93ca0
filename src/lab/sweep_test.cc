#include "lab/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>

#include "policy/parse.h"
#include "trace/test_recording.h"

namespace quire::lab {
namespace {

using ::testing::HasSubstr;

constexpr const char* kShipped = QUIRE_SOURCE_DIR "/traces/";

std::string shipped_recording() {
  for (const auto& entry : std::filesystem::directory_iterator(kShipped))
    if (entry.path().extension() == ".quire") return entry.path().string();
  return "";
}

std::string refusal(const std::string& text) {
  const auto space = parse_space(text, "space.toml");
  return space ? "accepted" : space.error().line();
}

// What is left out has its default; what is misspelt is told with its line.
TEST(SweepSpace, ReadsAndRefuses) {
  const auto space = parse_space("policies = ['4K', '64K']\nram = ['1G', '2G']\n", "space.toml");
  ASSERT_TRUE(space) << space.error().line();
  EXPECT_EQ(space->policies.size(), 2U);
  EXPECT_EQ(space->ram[1], 2_GiB);
  EXPECT_EQ(space->profiles.size(), 1U);
  EXPECT_GT(parse_space("policies = ['worth-trying']", "space.toml")->policies.size(), 50U);
  EXPECT_THAT(refusal("policies = ['4K']\nrams = ['1G']\n"),
              HasSubstr("space.toml:2: rams is not known here; did you mean ram?"));
  EXPECT_THAT(refusal("policies = ['65K']"), HasSubstr("holds no policy"));
  EXPECT_THAT(refusal("policies = []"), HasSubstr("no list of texts, or empty"));
  EXPECT_THAT(refusal("policies = ['4K']\nram = ['1K']"), HasSubstr("expected 16M to 16T"));
  EXPECT_THAT(refusal("policies = "), HasSubstr("is no TOML"));
  EXPECT_EQ(space->fragmentation, std::vector<double>{0});
  EXPECT_THAT(refusal("policies = ['4K']\nfragmentation = [1]"), HasSubstr("holds 1, expected 0 to 0.99"));
  EXPECT_THAT(refusal("policies = ['4K']\nfragmentation = []"), HasSubstr("fragmentation is empty"));
}

class SweepTest : public ::testing::Test {
 protected:
  Result<SweepProgress, Diagnostic> run(std::function<void(const SweepProgress&)> progress = {}) {
    SweepStore store = *SweepStore::open(file());
    return sweep({.recordings = {shipped_recording()},
                  .space = *parse_space("policies = ['4K', '16K', '64K', '2M', 'all']", "space.toml"),
                  .jobs = 2,
                  .progress = std::move(progress)},
                 store);
  }
  std::string file() { return folder_.file("sweep.sqlite"); }

 private:
  trace::testing::TempDir folder_;
};

// A second sweep finds all that the first one kept.
TEST_F(SweepTest, GoesOnWhereItWas) {
  const auto first = run();
  ASSERT_TRUE(first) << first.error().line();
  EXPECT_EQ(first->done, 5U);
  EXPECT_EQ(first->found, 0U);
  const auto second = run();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->done, 5U);
  EXPECT_EQ(second->found, 5U);
  SweepStore store = *SweepStore::open(file());
  EXPECT_EQ(*store.count(), 5U);
  const auto rows = store.pareto();
  ASSERT_TRUE(rows);
  EXPECT_FALSE(rows->empty());
  // Of two that are as good as each other one is shown.
  std::set<std::pair<double, std::uint64_t>> seen;
  for (const ParetoRow& row : *rows)
    EXPECT_TRUE(seen.emplace(row.kernel_ns, row.peak_resident.raw()).second) << row.policy;
}

// Every result comes back as it was kept.
TEST_F(SweepTest, GivesAllResults) {
  ASSERT_TRUE(run());
  SweepStore store = *SweepStore::open(file());
  const auto rows = store.results();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 5U);
  for (const SweepRow& row : *rows) {
    EXPECT_EQ(row.key.ram, ByteCount(64ULL << 30));
    EXPECT_EQ(row.key.profile, "reference");
    EXPECT_EQ(row.key.policy, policy::canonical(*policy::parse_policy(row.words)));
    EXPECT_GT(row.minor_faults, 0U);
    EXPECT_GT(row.kernel_ns, row.fault_ns_p99);
    EXPECT_GT(row.peak_resident, row.wasted_at_peak);
    EXPECT_EQ(row.state_hash.size(), 16U);
  }
}

// How fragmented the machine is makes a machine of its own: the more, the more
// faults; and what no allocation of a large folio needs stays as it is.
TEST_F(SweepTest, GoesThroughFragmentation) {
  SweepStore store = *SweepStore::open(file());
  ASSERT_TRUE(sweep({.recordings = {shipped_recording()},
                     .space = *parse_space("policies = ['4K', '64K']\nfragmentation = [0, 0.5, 0.95]", "s"),
                     .jobs = 2,
                     .progress = {}},
                    store));
  const auto rows = store.results();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 6U);
  std::map<std::string, std::vector<std::uint64_t>> faults;  // by rising fragmentation
  for (const SweepRow& row : *rows) faults[row.words].push_back(row.minor_faults);
  EXPECT_EQ(faults["4K"][0], faults["4K"][2]);
  EXPECT_LT(faults["64K"][0], faults["64K"][1]);
  EXPECT_LT(faults["64K"][1], faults["64K"][2]);
}

// Killed in the middle, nothing that was kept is lost, and nothing comes twice.
TEST_F(SweepTest, SurvivesSigkill) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)run([](const SweepProgress& p) {
      if (p.done == 2) ::kill(::getpid(), SIGKILL);
    });
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto rest = run();
  ASSERT_TRUE(rest) << rest.error().line();
  EXPECT_EQ(rest->done, 5U);
  EXPECT_GE(rest->found, 2U);
  EXPECT_LT(rest->found, 5U);
  EXPECT_EQ(*SweepStore::open(file())->count(), 5U);
}

// A file that is something else is left as it is.
TEST_F(SweepTest, RefusesForeignFiles) {
  std::ofstream(file())
      << "a letter to a friend, longer than a header of SQLite would be; quite a bit longer.";
  const auto store = SweepStore::open(file());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, Diagnostic::Kind::kDamagedInput);
}

}  // namespace
}  // namespace quire::lab
