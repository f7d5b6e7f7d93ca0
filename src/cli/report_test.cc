// quire report as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/testing_program.h"
#include "trace/test_recording.h"

namespace quire::cli {
namespace {

using namespace quire::cli::testing;
using ::testing::HasSubstr;
using trace::testing::TempDir;

const char* const kRecording = QUIRE_SOURCE_DIR "/traces/sqlite.quire";

class Report : public ::testing::Test {
 protected:
  Finished quire(std::vector<std::string> words) {
    words.insert(words.begin(), "report");
    return run_program(QUIRE_PROGRAM, words, User::kSame, folder_.file(""));
  }
  std::string file(const std::string& name) { return folder_.file(name); }
  void put(const std::string& name, const std::string& text) { std::ofstream(file(name)) << text; }

  TempDir folder_;
};

// A recording becomes a page that only its owner may read.
TEST_F(Report, OfARecording) {
  const Finished run = quire({kRecording, "-o", file("r.html")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "report: " + file("r.html") + "\n");
  EXPECT_THAT(text_of(file("r.html")), HasSubstr("sqlite3"));
  EXPECT_EQ(std::filesystem::status(file("r.html")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// Answers of several verbs make one page; a replay is enough for the text.
TEST_F(Report, OfAnswers) {
  put("replay.json",
      run_program(QUIRE_PROGRAM, {"replay", kRecording, "--policy", "64K", "--json", "--timeline", "10"},
                  User::kSame, file(""))
          .out);
  const Finished run = quire({file("replay.json"), "--text"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("No recommendation"));
  EXPECT_THAT(run.out, HasSubstr("64K"));
}

// A sweep alone recommends nothing, and compares its programs.
TEST_F(Report, OfASweep) {
  put("space.toml",
      "policies = ['4K', '16K', '64K']\nmachines = ['ram=64G', 'ram=64G fragmentation=0.5',"
      "'ram=64G swap=zram:lz4:4K:1G']\n");
  put("sweep.json",
      run_program(QUIRE_PROGRAM,
                  {"sweep", kRecording, "--space", file("space.toml"), "-o", file("s.sqlite"), "--json"},
                  User::kSame, file(""))
          .out);
  const Finished run = quire({file("sweep.json"), "--text"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("VERDICT: A sweep alone"));
  EXPECT_THAT(run.out, HasSubstr("sqlite3, time"));
  EXPECT_THAT(run.out, HasSubstr("What could not be run"));
  const Finished file_itself = quire({file("s.sqlite"), "--text"});
  EXPECT_EQ(file_itself.status, 0) << file_itself.err;
  EXPECT_THAT(file_itself.out, HasSubstr("every policy on every machine"));
}

// Only the policies that were named.
TEST_F(Report, OfNamedPolicies) {
  const Finished run = quire({kRecording, "--policy", "128K", "--text"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("thp_anon=128K:always"));
  EXPECT_THAT(run.out, ::testing::Not(HasSubstr("thp_anon=64K:always")));
}

// An older report and an empty file are replaced; what belongs to somebody else is left alone.
TEST_F(Report, ReplacesOnlyReports) {
  put("r.html", "");
  ASSERT_EQ(quire({kRecording, "--policy", "4K", "-o", file("r.html")}).status, 0);
  ASSERT_EQ(quire({kRecording, "--policy", "4K", "-o", file("r.html")}).status, 0);
  put("mine.html", "<!DOCTYPE html><p>mine</p>");
  const Finished run = quire({kRecording, "--policy", "4K", "-o", file("mine.html")});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("is no report of Quire"));
  EXPECT_EQ(text_of(file("mine.html")), "<!DOCTYPE html><p>mine</p>");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(file("")), {}), 4);  // with stdout and stderr
}

// A recording that was cut off makes a page that says so first, and exit code 5.
TEST_F(Report, OfACutRecording) {
  trace::testing::write_recording(file("cut.quire"), trace::testing::full_header(),
                                  trace::testing::small_run(), std::nullopt, 5);
  const Finished run = quire({file("cut.quire"), "--text"});
  EXPECT_EQ(run.status, 5);
  EXPECT_THAT(run.out, HasSubstr("! the recording was cut off"));
  EXPECT_THAT(run.out, HasSubstr("no advice: "));
}

// What is no RUN is one line, exit code 5, and no page.
TEST_F(Report, DamagedRuns) {
  put("x.json", "{\"schema_version\": 1, \"policies\": [{\"minor_faults\": \"x\"}]}");
  for (const char* const name : {"x.json", "none.json"}) {
    const Finished run = quire({file(name), "-o", file("r.html")});
    EXPECT_EQ(run.status, std::string(name) == "x.json" ? 5 : 1);
    EXPECT_EQ(lines(run.err), 1) << run.err;
    EXPECT_FALSE(std::filesystem::exists(file("r.html")));
  }
}

// Nothing to write to, nothing to read.
TEST_F(Report, Misuse) {
  EXPECT_EQ(quire({kRecording}).status, 2);
  EXPECT_EQ(quire({"-o", file("r.html")}).status, 2);
}

}  // namespace
}  // namespace quire::cli
