#include "lab/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/size.h"
#include "lab/as_recorded.h"
#include "lab/record_runs.h"
#include "lab/replay_many.h"
#include "lab/run_streams.h"
#include "live/host.h"
#include "policy/parse.h"
#include "trace/test_recording.h"

namespace quire::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using trace::testing::TempDir;

Outcome outcome(std::uint64_t faults, std::uint64_t folios_64k, std::uint64_t rss = 0) {
  Outcome made;
  made.minor_faults = faults;
  made.folios[4] = folios_64k;
  made.peak_rss = ByteCount(rss);
  return made;
}

Prediction single(const Outcome& of) { return combine(std::vector{of}); }

Policy policy(const std::string& text) {
  const auto settings = policy::parse_policy(text);
  EXPECT_TRUE(settings.has_value()) << text;
  return {text, *settings};
}

// Each figure has a band and a median of its own, whichever recording it is from.
TEST(Combine, TakesEachFigureForItself) {
  const Prediction prediction = combine(std::vector{outcome(10, 3, 7), outcome(30, 1, 9), outcome(20, 2, 8)});
  EXPECT_EQ(prediction.min, outcome(10, 1, 7));
  EXPECT_EQ(prediction.median, outcome(20, 2, 8));
  EXPECT_EQ(prediction.max, outcome(30, 3, 9));
  EXPECT_EQ(prediction.recordings, 3U);
}

// One recording: the band is a point.
TEST(Combine, OfOneIsThatOne) {
  const Prediction prediction = single(outcome(10, 3));
  EXPECT_EQ(prediction.min, prediction.max);
  EXPECT_EQ(prediction.median, outcome(10, 3));
}

// A few faults may differ: 4, or one in a thousand, and not one more.
TEST(Judge, ToleratesFourFaultsOrOneInAThousand) {
  EXPECT_THAT(judge(single(outcome(1000, 1)), outcome(1004, 1)), IsEmpty());
  EXPECT_THAT(judge(single(outcome(1000, 1)), outcome(996, 1)), IsEmpty());
  EXPECT_THAT(judge(single(outcome(1000, 1)), outcome(1005, 1)),
              ElementsAre("minor faults: predicted 1000, measured 1005"));
  EXPECT_THAT(judge(single(outcome(100'000, 1)), outcome(100'100, 1)), IsEmpty());
  EXPECT_THAT(judge(single(outcome(99'899, 1)), outcome(100'000, 1)), testing::SizeIs(1));
}

// Folios are never tolerated: one off is off.
TEST(Judge, WantsFoliosIdentical) {
  EXPECT_THAT(judge(single(outcome(10, 5)), outcome(10, 6)),
              ElementsAre("folios of 64kB: predicted 5, measured 6"));
}

// With several recordings, anywhere inside the band is right.
TEST(Judge, AcceptsTheWholeBandAndNothingElse) {
  const Prediction band = combine(std::vector{outcome(100, 5), outcome(120, 9), outcome(110, 7)});
  EXPECT_THAT(judge(band, outcome(100, 9)), IsEmpty());
  EXPECT_THAT(judge(band, outcome(120, 5)), IsEmpty());
  EXPECT_THAT(judge(band, outcome(121, 10)), ElementsAre("folios of 64kB: predicted 5 to 9, measured 10",
                                                         "minor faults: predicted 100 to 120, measured 121"));
}

// A page that was on disk in one run is a minor fault in the other: both count.
TEST(Outcome, CountsMajorFaultsOfTheMeasuredRun) {
  live::TreeCounts counts;
  counts.min_flt = 90;
  counts.maj_flt = 10;
  EXPECT_EQ(outcome_of(counts).minor_faults, 100U);
}

// Resident memory is shown, not judged.
TEST(Judge, DoesNotJudgeMemory) {
  EXPECT_THAT(judge(single(outcome(10, 5, 1000)), outcome(10, 5, 9000)), IsEmpty());
}

// How many replays run at once changes nothing about any of them.
TEST(ReplayMany, GivesTheSameInParallel) {
  const TempDir dir;
  trace::testing::write_recording(dir.file("r"), trace::testing::full_header(), trace::testing::small_run(),
                                  trace::testing::full_summary());
  std::vector<ReplayOptions> runs;
  for (const char* text : {"4K", "64K", "2M", "all", "16K+64K"})
    runs.push_back({.settings = policy(text).settings});
  const auto one = replay_many(dir.file("r"), runs, 1);
  const auto four = replay_many(dir.file("r"), runs, 4);
  ASSERT_TRUE(one && four);
  ASSERT_EQ(one->size(), runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ((*one)[i].state_hash, (*four)[i].state_hash);
    EXPECT_EQ((*one)[i].minor_faults, (*four)[i].minor_faults);
    EXPECT_EQ((*one)[i].folios, (*four)[i].folios);
    EXPECT_EQ((*one)[i].events, trace::testing::small_run().size());
  }
  EXPECT_NE((*one)[0].state_hash, (*one)[1].state_hash);
}

// One recording that cannot be read fails the lot, with its own Diagnostic.
TEST(ReplayMany, PassesOnADiagnostic) {
  const std::vector<ReplayOptions> runs(3);
  const auto none = replay_many("/no/such/recording", runs, 2);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().where, "/no/such/recording");
}

trace::Header here_header() {
  trace::Header header = trace::testing::full_header();
  header.scrubbed = false;
  header.envp = {"ONLY=this", "TWICE=a", "TWICE=b"};
  header.cwd = "/tmp";
  header.rlimits.clear();
  return header;
}

// Environment, folder and limits are the recording's while it lives, and ours
// again afterwards.
TEST(AsRecorded, ChangesAndTakesBack) {
  const auto folder = std::filesystem::current_path();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_STACK, &before), 0);
  const std::string path = getenv("PATH");
  trace::Header header = here_header();
  header.rlimits["stack"] = {4U << 20, before.rlim_max};
  {
    const auto there = AsRecorded::enter("r", header);
    ASSERT_TRUE(there) << there.error().line();
    rlimit inside{};
    ASSERT_EQ(getrlimit(RLIMIT_STACK, &inside), 0);
    EXPECT_EQ(inside.rlim_cur, 4U << 20);
    EXPECT_EQ(std::filesystem::current_path(), "/tmp");
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
    EXPECT_EQ(entries, header.envp);
  }
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_STACK, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_cur);
  EXPECT_EQ(std::filesystem::current_path(), folder);
  EXPECT_EQ(getenv("PATH"), path);
}

// A folder that is gone is told, and nothing has changed.
TEST(AsRecorded, RefusesAFolderThatIsGone) {
  const auto folder = std::filesystem::current_path();
  trace::Header header = here_header();
  header.cwd = "/no/such/folder";
  const auto there = AsRecorded::enter("r", header);
  ASSERT_FALSE(there);
  EXPECT_THAT(there.error().what, HasSubstr("/no/such/folder"));
  EXPECT_EQ(std::filesystem::current_path(), folder);
  EXPECT_EQ(getenv("ONLY"), nullptr);
}

// Blanked values cannot be an environment.
TEST(AsRecorded, RefusesAScrubbedRecording) {
  trace::Header header = here_header();
  header.scrubbed = true;
  const auto there = AsRecorded::enter("r", header);
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().kind, Diagnostic::Kind::kUsage);
}

// What is printed meanwhile does not reach our output; afterwards it does.
TEST(RunStreams, KeepsOurOutputClean) {
  testing::internal::CaptureStdout();
  {
    const auto streams = RunStreams::enter();
    ASSERT_TRUE(streams) << streams.error().line();
    EXPECT_EQ(std::system("echo from a run"), 0);
  }
  EXPECT_EQ(std::system("echo ours"), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "ours\n");
}

// A recording without its end predicts nothing that could be compared.
TEST(Verify, RefusesARecordingThatWasCutOff) {
  const TempDir dir;
  trace::testing::write_recording(dir.file("r"), here_header(), trace::testing::small_run(), std::nullopt);
  const auto result = verify({.recordings = {dir.file("r")}, .policies = {policy("4K")}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Diagnostic::Kind::kDamagedInput);
}

// On the real kernel: a program of eight mebibytes in one buffer is predicted to
// the folio under every policy, and the settings are afterwards what they were.
class VerifyLive : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto c = live::probe_bpf(); !c.available) GTEST_SKIP() << c.reason;
    if (const auto c = live::probe_tracepoints(); !c.available) GTEST_SKIP() << c.reason;
    if (live::anon_orders_of().below(kOrderPmd).empty())
      GTEST_SKIP() << "this kernel has no per-size settings";
  }
  const std::vector<std::string> command_{"dd",    "if=/dev/zero", "of=/dev/null",
                                          "bs=8M", "count=2",      "status=none"};
};

TEST_F(VerifyLive, PredictsToTheFolio) {
  const auto before = live::read_thp_state();
  const auto streams = RunStreams::enter();
  ASSERT_TRUE(streams);
  const auto runs =
      RecordedRuns::make({.command = command_, .timeout = std::chrono::seconds(60), .tool_version = "test"});
  ASSERT_TRUE(runs) << runs.error().line();
  ASSERT_EQ(runs->files().size(), 1U);
  const auto result = verify({.recordings = runs->files(),
                              .policies = {policy("4K"), policy("64K"), policy("2M"), policy("all")},
                              .jobs = 2,
                              .warmups = 0,
                              .timeout = std::chrono::seconds(60)});
  if (!result && result.error().where.ends_with("settings.lock")) GTEST_SKIP() << result.error().line();
  ASSERT_TRUE(result) << result.error().line();
  for (const PolicyVerdict& verdict : result->policies) {
    EXPECT_THAT(verdict.off, IsEmpty()) << verdict.policy.text;
  }
  EXPECT_EQ(result->content_hash,
            fmt::format("{:016x}", trace::Reader::open(runs->files()[0])->content_hash()));
  EXPECT_EQ(result->policies[0].measured.folios[4], 0U);
  EXPECT_GE(result->policies[1].measured.folios[4], 127U);
  EXPECT_GE(result->policies[2].measured.folios[9], 3U);
  EXPECT_EQ(live::read_thp_state(), before);
}

// A run that does not end is ended, and said.
TEST_F(VerifyLive, EndsARecordingThatTakesTooLong) {
  const auto runs = RecordedRuns::make({.command = {"sleep", "100"},
                                        .warmups = 0,
                                        .timeout = std::chrono::milliseconds(200),
                                        .tool_version = "test"});
  ASSERT_FALSE(runs);
  EXPECT_THAT(runs.error().line(), HasSubstr("did not end in time"));
}

// The recordings are gone with the object, whatever came of them.
TEST_F(VerifyLive, LeavesNoRecordingBehind) {
  std::string file;
  {
    const auto runs = RecordedRuns::make({.command = {"true"}, .recordings = 2, .tool_version = "test"});
    ASSERT_TRUE(runs) << runs.error().line();
    ASSERT_EQ(runs->files().size(), 2U);
    file = runs->files().front();
    EXPECT_TRUE(std::filesystem::exists(file));
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(file).parent_path()));
}

}  // namespace
}  // namespace quire::lab
