#include "lab/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
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
  const auto space =
      parse_space("policies = ['4K', '64K']\nmachines = ['ram=1G', 'ram=2G swap=block:1G']\n", "space.toml");
  ASSERT_TRUE(space) << space.error().line();
  EXPECT_EQ(space->policies.size(), 2U);
  EXPECT_EQ(space->machines[0].ram, 1_GiB);
  EXPECT_EQ(space->machines[1].text, "ram=2G swap=block:1G");
  EXPECT_EQ(space->profiles.size(), 1U);
  EXPECT_GT(parse_space("policies = ['worth-trying']", "space.toml")->policies.size(), 50U);
  EXPECT_EQ(parse_space("policies = ['4K']", "space.toml")->machines[0].ram, 64_GiB);
  EXPECT_THAT(refusal("policies = ['4K']\nmachine = ['ram=1G']\n"),
              HasSubstr("space.toml:2: machine is not known here; did you mean machines?"));
  EXPECT_THAT(refusal("policies = ['65K']"), HasSubstr("holds no policy"));
  EXPECT_THAT(refusal("policies = []"), HasSubstr("no list of texts, or empty"));
  EXPECT_THAT(refusal("policies = ['4K']\nmachines = ['ram=1K']"),
              HasSubstr("space.toml:2: machines holds no machine"));
  EXPECT_THAT(refusal("policies = "), HasSubstr("is no TOML"));
}

// Who has a space from before machines is told what to write now.
TEST(SweepSpace, SaysWhatToWriteForFormerMembers) {
  EXPECT_THAT(refusal("policies = ['4K']\nram = ['1G']\n"),
              HasSubstr("space.toml:2: ram is said of each machine now: machines = [\"ram=4G\"]"));
  EXPECT_THAT(refusal("policies = ['4K']\nfragmentation = [0, 0.5]\n"),
              HasSubstr("machines = [\"ram=64G fragmentation=0.6\"]"));
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
    EXPECT_EQ(row.key.machine, "ram=64G");
    EXPECT_EQ(row.ram, ByteCount(64ULL << 30));
    EXPECT_FALSE(row.pressure);
    EXPECT_EQ(row.large_fallbacks, 0U);
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
  ASSERT_TRUE(
      sweep({.recordings = {shipped_recording()},
             .space = *parse_space(
                 "policies = ['4K', '64K']\nmachines = ['ram=64G', 'ram=64G fragmentation=0.5', 'ram=64G "
                 "fragmentation=0.95']",
                 "s"),
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

// A machine short of memory keeps what it did about it; its results are those of a replay on it.
TEST_F(SweepTest, GoesThroughPressure) {
  const std::string recording = kShipped + std::string("python-dict.quire");
  SweepStore store = *SweepStore::open(file());
  const SweepSpace space =
      *parse_space("policies = ['4K', '64K']\nmachines = ['ram=64G', 'ram=32M swap=block:1G']", "s");
  ASSERT_TRUE(sweep({.recordings = {recording}, .space = space, .jobs = 2, .progress = {}}, store));
  const auto rows = store.results();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 4U);
  auto reader = trace::Reader::open(recording);
  for (const SweepRow& row : *rows) {
    EXPECT_EQ(row.pressure.has_value(), row.key.machine != "ram=64G");
    if (!row.pressure) continue;
    const auto alone =
        replay(*reader, {.settings = *policy::parse_policy(row.words), .machine = space.machines[1]});
    ASSERT_TRUE(alone) << alone.error().line();
    EXPECT_GT(row.pressure->swapped_out, 0U) << row.words;
    EXPECT_EQ(row.pressure->swapped_out, alone->counters.get(stats::VmEvent::pswpout));
    EXPECT_EQ(row.pressure->direct_reclaims, pressure_of(*alone).direct_reclaims);
    EXPECT_EQ(row.pressure->peak_swap, alone->pressure->peak_swap_used.bytes());
    EXPECT_EQ(row.kernel_ns, alone->bill.kernel_ns);
  }
}

// What does not run is kept with its reason, not tried again, and no end of the others.
TEST_F(SweepTest, SkipsWhatCannotBeRun) {
  const SweepOptions options{
      .recordings = {kShipped + std::string("python-dict.quire")},
      .space = *parse_space(
          "policies = ['4K']\nmachines = ['ram=16M', 'ram=64G swap=zram:lz4:4K:1G', 'ram=64G']", "s"),
      .jobs = 2,
      .progress = {}};
  SweepStore store = *SweepStore::open(file());
  const auto first = sweep(options, store);
  ASSERT_TRUE(first) << first.error().line();
  EXPECT_EQ(first->done, 3U);
  EXPECT_EQ(first->skipped, 2U);
  EXPECT_EQ(*store.count(), 1U);
  const auto skipped = store.skipped();
  ASSERT_TRUE(skipped);
  ASSERT_EQ(skipped->size(), 2U);
  EXPECT_THAT((*skipped)[0].reason, HasSubstr("no frame left"));
  EXPECT_THAT((*skipped)[1].reason, HasSubstr("how well memory compresses"));
  const auto second = sweep(options, store);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->found, 3U);
  EXPECT_EQ(second->skipped, 2U);
}

// A program that was killed has no good time to show: the ready-made queries leave it out.
TEST_F(SweepTest, TheKilledAreNoWinners) {
  SweepStore store = *SweepStore::open(file());
  ASSERT_TRUE(store.put_recording("abc", "/p", "prog"));
  const Machine machine = *parse_machine("ram=1G swap=block:1G", "test");
  const auto put = [&](const char* words, double ns, std::uint64_t kills) {
    ReplayResult result;
    result.bill.kernel_ns = ns;
    result.peak_resident = 1_GiB;
    result.pressure.emplace().oom_kills = kills;
    ASSERT_TRUE(store.put({"abc", words, machine.text, "ref", "h"}, words, machine, result));
  };
  put("4K", 100, 0);
  put("2M", 10, 1);
  const auto rows = store.pareto();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().policy, "4K");
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

// Results of an earlier Quire are left as they are, and that is said.
TEST_F(SweepTest, RefusesOlderResults) {
  sqlite3* db = nullptr;
  ASSERT_EQ(::sqlite3_open(file().c_str(), &db), SQLITE_OK);
  ASSERT_EQ(::sqlite3_exec(db, "CREATE TABLE results(x); PRAGMA user_version = 2", nullptr, nullptr, nullptr),
            SQLITE_OK);
  ::sqlite3_close(db);
  const auto store = SweepStore::open(file());
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().line(), HasSubstr("holds results of version 2, this build has version 3"));
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
