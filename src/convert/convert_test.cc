#include "convert/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "convert/testing_import.h"
#include "trace/test_recording.h"

namespace quire::convert {
namespace {

using ::testing::HasSubstr;
using trace::testing::read_all;

constexpr const char* kCorpus = QUIRE_SOURCE_DIR "/tests/corpus/";

class Convert : public ::testing::Test {
 protected:
  Result<Converted, Diagnostic> run(const std::string& input, Lines lines = Lines::kAllMustFit,
                                    std::optional<Format> format = std::nullopt) {
    return convert({.input = input,
                    .output = out(),
                    .format = format,
                    .lines = lines,
                    .scrubber = {},
                    .tool_version = "1"});
  }
  std::string text(const std::string& content) {
    std::ofstream(folder_.file("in")) << content;
    return folder_.file("in");
  }
  [[nodiscard]] std::string out() const { return folder_.file("out.quire"); }
  [[nodiscard]] std::size_t files() const {
    const auto all = std::filesystem::directory_iterator(folder_.file("."));
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

 private:
  trace::testing::TempDir folder_;
};

// Each kind is known by its content, and the recording says where it came from.
TEST_F(Convert, KnowsEachKindByItsContent) {
  const std::pair<const char*, const char*> kinds[] = {{"perf_script/small", "perf script"},
                                                       {"perf_script/raw", "perf script"},
                                                       {"strace/small", "strace"},
                                                       {"strace/terminal", "strace"},
                                                       {"lackey/small", "lackey"}};
  for (const auto& [file, name] : kinds) {
    const auto done = run(std::string(kCorpus) + file);
    ASSERT_TRUE(done) << file << done.error().line();
    auto reader = trace::Reader::open(out());
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->header().tier, trace::Tier::kImported) << file;
    EXPECT_EQ(reader->header().imported_from, name) << file;
    EXPECT_FALSE(reader->header().lacks.empty()) << file;
    EXPECT_FALSE(read_all(*reader).diagnostic) << file;
  }
}

// The heap begins where the first brk(0) says, which the text tells after exec.
TEST_F(Convert, PutsTheHeapIntoTheExecEvent) {
  ASSERT_TRUE(run(std::string(kCorpus) + "strace/small"));
  auto reader = trace::Reader::open(out());
  ASSERT_TRUE(reader);
  const auto events = read_all(*reader).events;
  const auto exec = std::ranges::find(events, trace::Kind::kExec, &trace::Event::kind);
  ASSERT_NE(exec, events.end());
  EXPECT_EQ(exec->args[1], 0x542c000U);
  EXPECT_EQ(exec->args[2], 0x542c000U);
}

// Nothing is left behind by a conversion that fails, and an older recording stays.
TEST_F(Convert, LeavesNothingBehindWhenItFails) {
  ASSERT_TRUE(run(std::string(kCorpus) + "lackey/small"));
  const auto before = trace::testing::bytes_of(out());
  const std::string bad = text("execve(\"/a\", [\"a\"], 0x1) = 0\nbrk(NULL) = 0x1000\nbrk(bad) = 1\n");
  const std::size_t there = files();
  const auto failed = run(bad);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, Diagnostic::Kind::kDamagedInput);
  EXPECT_EQ(failed.error().where, bad + ":3");
  EXPECT_EQ(files(), there);
  EXPECT_EQ(trace::testing::bytes_of(out()), before);
}

// Lines left out are lost events: the gate must not pass.
TEST_F(Convert, CountsLinesLeftOutAsLost) {
  const std::string bad = text(" S 5000,8\nhello\n S 6000,8\n");
  const auto done = run(bad, Lines::kSkipBad);
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_EQ(done->tally.skipped, 1U);
  EXPECT_EQ(done->tally.lines, 3U);
  EXPECT_EQ(done->summary.lost_events, 1U);
  EXPECT_THAT(done->header.lacks.back(), HasSubstr("1 lines of 3"));
}

// A text of no known kind; one that is said to be of another kind than it is.
TEST_F(Convert, RefusesWhatItDoesNotKnow) {
  const auto unknown = run(text("Dear Sir or Madam\n"));
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().line(), HasSubstr("perf script, strace or valgrind's lackey"));
  EXPECT_FALSE(run(std::string(kCorpus) + "lackey/small", Lines::kAllMustFit, Format::kStrace));
}

}  // namespace
}  // namespace quire::convert
