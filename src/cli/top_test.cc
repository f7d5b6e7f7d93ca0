// `quire top` without a screen, run as people run it. tests/top_screen_test.py has
// the screen, tests/openmetrics_test.py reads the metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/testing_program.h"
#include "live/host.h"
#include "trace/test_recording.h"

namespace quire::cli {
namespace {

using Json = nlohmann::json;
using testing::Finished;
using ::testing::HasSubstr;
using testing::lines;
using ::testing::StartsWith;
using testing::User;

class TopVerb : public ::testing::Test {
 protected:
  [[nodiscard]] Finished quire(std::vector<std::string> words, User user = User::kSame) const {
    words.insert(words.begin(), "top");
    return testing::run_program(QUIRE_PROGRAM, words, user, folder_.file("."));
  }
  std::string complaint(const std::vector<std::string>& words) const {
    const Finished run = quire(words);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_EQ(lines(run.err), 1) << run.err;
    EXPECT_THAT(run.err, StartsWith("quire: top"));
    return run.err;
  }
  trace::testing::TempDir folder_;
  const std::string self_ = std::to_string(::getpid());
};

// What is wrong with the words is told before anything is read.
TEST_F(TopVerb, RefusesWhatItDoesNotUnderstand) {
  EXPECT_THAT(complaint({"-d", "0"}), HasSubstr("0.1 to a day"));
  EXPECT_THAT(complaint({"-d", "nan"}), HasSubstr("0.1 to a day"));
  EXPECT_THAT(complaint({"-n", "0"}), HasSubstr("--iterations"));
  EXPECT_THAT(complaint({"-s", "rrs"}), HasSubstr("did you mean rss?"));
  EXPECT_THAT(complaint({"-p", "x"}), HasSubstr("no process number"));
  EXPECT_THAT(complaint({"-p", "1", "--cgroup", "/sys/fs/cgroup"}), HasSubstr("at once"));
  EXPECT_THAT(complaint({"--budget", "0"}), HasSubstr("0.1 to 100"));
  EXPECT_THAT(complaint({"--openmetrics", "--json"}), HasSubstr("at once"));
  EXPECT_THAT(complaint({"--openmetrics", "-d", "1"}), HasSubstr("-o FILE"));
  EXPECT_THAT(complaint({"--openmetrics", "--processes", "5000"}), HasSubstr("1 to 1000"));
  EXPECT_THAT(complaint({"-o", "x"}), HasSubstr("--openmetrics"));
}

// A screen on something that is none: what to do instead.
TEST_F(TopVerb, NeedsATerminal) { EXPECT_THAT(complaint({}), HasSubstr("-b prints plain text")); }

TEST_F(TopVerb, HelpFitsAScreen) {
  const Finished run = quire({"--help"});
  EXPECT_EQ(run.status, 0);
  EXPECT_LE(lines(run.out), 24) << run.out;
  EXPECT_EQ(lines(run.out.substr(run.out.find("Examples:\n"))), 4) << run.out;
}

// As many screens as asked for, each with this process.
TEST_F(TopVerb, Batch) {
  const Finished run = quire({"-b", "-n", "2", "-d", "0.1", "-p", self_});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("quire top "));
  EXPECT_THAT(run.out, HasSubstr("\n\nquire top "));
  EXPECT_THAT(run.out, HasSubstr(" " + self_ + " "));
}

// One object a line, with this process.
TEST_F(TopVerb, JsonLines) {
  const Finished run = quire({"--json", "-n", "2", "-d", "0.1", "-p", self_});
  ASSERT_EQ(run.status, 0) << run.err;
  std::istringstream in(run.out);
  int frames = 0;
  for (std::string line; std::getline(in, line); ++frames) {
    const Json json = Json::parse(line);
    EXPECT_EQ(json["schema_version"], 1);
    EXPECT_EQ(json["processes"][0]["pid"], ::getpid());
    EXPECT_GE(json["elapsed_seconds"], 0.1);
    // On a busy host there may have been no time to look yet; then it says so.
    EXPECT_NE(json["processes"][0]["folios"].is_null(), json["processes"][0]["no_folios"].is_null());
  }
  EXPECT_EQ(frames, 2);
}

// Of everybody else's processes somebody without rights sees resident memory only,
// and the answer says what it lacks.
TEST_F(TopVerb, WithoutPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  const Finished run = quire({"--json", "-n", "1", "-d", "0.1", "-p", self_}, User::kNobody);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["tier"], "smaps");
  EXPECT_THAT(json["notes"][0].get<std::string>(), HasSubstr("root sees them"));
  EXPECT_GT(json["processes"][0]["rss_bytes"], 0);
  EXPECT_TRUE(json["processes"][0]["folios"].is_null());
  EXPECT_THAT(json["processes"][0]["no_folios"].get<std::string>(), HasSubstr("denied"));
}

TEST_F(TopVerb, FileOfMetrics) {
  const std::string file = folder_.file("quire.prom");
  const Finished run = quire({"--openmetrics", "-o", file});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(testing::text_of(file).ends_with("# EOF\n"));
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
  EXPECT_EQ(quire({"--openmetrics", "-o", "/nowhere/x"}).status, 1);
}

// A control group that is none is said, with nothing half printed.
TEST_F(TopVerb, NoControlGroup) {
  const Finished run = quire({"-b", "-n", "1", "-d", "0.1", "--cgroup", "/nowhere"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("no control group"));
}

}  // namespace
}  // namespace quire::cli
