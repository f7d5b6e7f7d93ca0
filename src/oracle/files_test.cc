// Every file of litmus/ holds: on the engine, on the kernel as it was stored,
// and on this kernel where the host allows to ask it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/testing_sanitized.h"
#include "litmus/parse.h"
#include "litmus/print.h"
#include "oracle/run.h"
#include "policy/policy.h"

namespace quire::litmus {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files() {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(QUIRE_SOURCE_DIR) / "litmus"))
    if (entry.path().extension() == ".litmus") found.push_back(entry.path().string());
  std::ranges::sort(found);
  return found;
}

// Runs them all. Says how many a side could not do.
void expect_all_hold(Runner& runner) {
  std::size_t unable = 0;
  for (const std::string& file : files()) {
    const auto verdict = runner.run(file);
    ASSERT_TRUE(verdict) << verdict.error().line();
    for (const Finding& finding : verdict->findings)
      ADD_FAILURE() << file << ":" << finding.where.line << ": " << finding.what;
    unable += verdict->kind == Verdict::Kind::kUnable ? 1U : 0U;
  }
  ::testing::Test::RecordProperty("unable", static_cast<int>(unable));
}

TEST(LitmusFiles, HoldOnTheEngine) {
  ASSERT_GE(files().size(), 150U);
  auto runner = Runner::open(On::kEngine);
  ASSERT_TRUE(runner);
  expect_all_hold(*runner);
}

// With 4 KiB pages arm64 differs in its entries and in nothing else: contents,
// folios and counters are as they were stored from a kernel of x86-64.
TEST(LitmusFiles, HoldOnTheEngineForArm64) {
  auto runner = Runner::open(On::kEngine, "arm64");
  ASSERT_TRUE(runner);
  expect_all_hold(*runner);
}

TEST(LitmusFiles, HoldOnThisKernel) {
  if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
  auto runner = Runner::open(On::kBoth);
  if (!runner) GTEST_SKIP() << runner.error().line();
  expect_all_hold(*runner);
}

// The six steps of post-copy migration keep the guest's memory whole under every
// policy, whatever it may, but under the one that does not heed NOHUGEPAGE.
TEST(LitmusFiles, PostCopyHoldsUnderEveryPolicy) {
  auto runner = Runner::open(On::kEngine);
  ASSERT_TRUE(runner);
  auto experiment = read_experiment(QUIRE_SOURCE_DIR "/litmus/post-copy-never.litmus");
  ASSERT_TRUE(experiment);
  for (const policy::Policy* policy : policy::named_policies()) {
    experiment->policy = std::string(policy->name) + " transparent_hugepage=always defrag=always";
    if (policy->sizes == policy::Policy::Sizes::kByFiles)
      experiment->policy += " thp_anon=16K,32K,64K,128K,256K,512K,1M,2M:always";
    const auto verdict = runner->run(*experiment);
    ASSERT_TRUE(verdict) << verdict.error().line();
    const bool heeds = policy->name != "laf-v3";
    EXPECT_EQ(verdict->kind, heeds ? Verdict::Kind::kHolds : Verdict::Kind::kFails) << policy->name;
  }
}

// Each says what it shows and of which rules, and expects something.
TEST(LitmusFiles, SayWhatTheyShow) {
  for (const std::string& file : files()) {
    if (!arch_named_in(*read_text(file)).empty()) continue;  // may have other sizes: its own engine reads it
    const auto e = read_experiment(file);
    ASSERT_TRUE(e) << e.error().line();
    EXPECT_FALSE(e->about.empty()) << file;
    EXPECT_FALSE(e->rules.empty()) << file;
    EXPECT_TRUE(std::ranges::any_of(e->steps, [](const Step& s) {
      return !s.expectations.empty() || !s.ends.empty();
    })) << file;
    const auto again = parse(print(*e), file);
    ASSERT_TRUE(again) << again.error().line();
    EXPECT_EQ(*again, *e) << file;
  }
}

// Every system of anonymous memory, and those of swap that one machine can show, is cited by a file or stands
// in the list of those that only tests can show.
TEST(LitmusFiles, CiteEverySystem) {
  std::set<std::string> cited;
  for (const std::string& file : files()) {
    std::istringstream text(*read_text(file));
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line);
      std::string word;
      if (!(words >> word) || word != "rule") continue;
      while (words >> word) cited.insert(word);
    }
  }
  const std::string reference = *read_text(QUIRE_SOURCE_DIR "/docs/reference/litmus.md");
  const auto expect_cited = [&](int first, int last) {
    for (int n = first; n <= last; ++n) {
      const bool listed = reference.find("\n| " + std::to_string(n) + " | ") != std::string::npos;
      EXPECT_NE(cited.contains("system-" + std::to_string(n)), listed) << n;
    }
  };
  expect_cited(1, 8);
  expect_cited(10, 17);
  expect_cited(19, 20);
  expect_cited(22, 40);
  expect_cited(41, 43);
  expect_cited(48, 48);
  expect_cited(65, 66);
  expect_cited(68, 86);
  expect_cited(87, 87);
  expect_cited(90, 90);
}

// No stored result is left of a file that is gone.
TEST(LitmusFiles, StoredResultsHaveTheirFile) {
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(QUIRE_SOURCE_DIR) / "litmus")) {
    std::string name = entry.path().string();
    if (!name.ends_with(".kernel.json")) continue;
    name.replace(name.size() - 12, 12, ".litmus");
    EXPECT_TRUE(fs::exists(name)) << entry.path();
  }
}

}  // namespace
}  // namespace quire::litmus
