// convert and export, run as people run them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/testing_program.h"
#include "trace/test_recording.h"

namespace quire::cli {
namespace {

using testing::Finished;
using ::testing::HasSubstr;
using testing::User;
using Json = nlohmann::json;

class Exchange : public ::testing::Test {
 protected:
  [[nodiscard]] Finished quire(const std::vector<std::string>& words) const {
    return testing::run_program(QUIRE_PROGRAM, words, User::kSame, folder_.file("."));
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  // A real text of tests/corpus, converted.
  [[nodiscard]] std::string converted(const std::string& name) const {
    const Finished run = quire({"convert", QUIRE_SOURCE_DIR "/tests/corpus/" + name, "-o", file("c.quire")});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "");
    return file("c.quire");
  }

 private:
  trace::testing::TempDir folder_;
};

// What perf saw is all there was: a replay with small pages takes the faults that
// perf counted. Advice is given, and doubted.
TEST_F(Exchange, AdviceFromPerfIsDoubted) {
  const std::string recording = converted("perf_script/small");
  const Json info = Json::parse(quire({"info", recording, "--json"}).out);
  EXPECT_TRUE(info["results"]["summary"]["gate"]["passed"]);
  EXPECT_EQ(info["results"]["header"]["imported_from"], "perf script");
  const Finished advised = quire({"advise", recording, "--json"});
  ASSERT_EQ(advised.status, 0) << advised.err;
  const Json advice = Json::parse(advised.out)["advice"];
  EXPECT_EQ(advice["confidence"], "low");
  EXPECT_THAT(advice["doubts"].dump(), HasSubstr("imported from perf script"));
}

// strace shows no touches, lackey no count of faults: both can be replayed, and
// nothing is recommended from them.
TEST_F(Exchange, NoAdviceFromStraceAndLackey) {
  for (const auto& [name, reason] :
       {std::pair("strace/small", "imported from strace: it holds no touches of memory"),
        std::pair("lackey/small", "nothing tells how many faults the kernel counted")}) {
    const std::string recording = converted(name);
    const Finished replayed = quire({"replay", recording, "--policy", "4K"});
    EXPECT_EQ(replayed.status, 0) << replayed.err;
    EXPECT_THAT(replayed.err, HasSubstr(reason));
    const Finished advised = quire({"advise", recording});
    EXPECT_EQ(advised.status, 3);
    EXPECT_EQ(advised.out, "");
    EXPECT_THAT(advised.err, HasSubstr(reason));
  }
}

// Nobody knows how to run it again.
TEST_F(Exchange, AnImportedRecordingIsNotRunAgain) {
  if (geteuid() != 0) GTEST_SKIP() << "verify must be root";
  const Finished run = quire({"verify", converted("perf_script/small"), "--policy", "4K"});
  EXPECT_EQ(run.status, 2) << run.err;
  EXPECT_THAT(run.err, HasSubstr("imported from perf script"));
}

// A word too few, a word that is wrong, a line that is.
TEST_F(Exchange, ConvertRefusesWhatItDoesNotUnderstand) {
  EXPECT_THAT(quire({"convert"}).err, HasSubstr("nothing to read"));
  EXPECT_THAT(quire({"convert", "x"}).err, HasSubstr("-o FILE"));
  EXPECT_THAT(quire({"convert", "x", "-o", "y", "--from", "strac"}).err, HasSubstr("did you mean strace?"));
  std::ofstream(file("bad")) << "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 brk(\x1b"
                                "c) = 0x1\n";
  const Finished strict = quire({"convert", file("bad"), "-o", file("o.quire")});
  EXPECT_EQ(strict.status, 5);
  EXPECT_THAT(strict.err, HasSubstr(file("bad") + ":2: argument 1 of brk: expected"));
  EXPECT_FALSE(std::filesystem::exists(file("o.quire")));
  const Finished lenient = quire({"convert", file("bad"), "-o", file("o.quire"), "--lenient"});
  EXPECT_EQ(lenient.status, 0);
  EXPECT_THAT(lenient.err, HasSubstr("1 lines left out; the first: " + file("bad") + ":2"));
}

// The ending of the file says which format; an answer of replay goes through.
TEST_F(Exchange, ExportsWhatTheNameSays) {
  const std::string recording = QUIRE_SOURCE_DIR "/traces/sqlite.quire";
  const std::uint64_t events = Json::parse(quire({"info", recording, "--json"}).out)["results"]["events"];
  EXPECT_EQ(quire({"export", recording, "-o", file("e.jsonl")}).status, 0);
  std::ifstream lines(file("e.jsonl"));
  std::uint64_t n = 0;
  for (std::string line; std::getline(lines, line);) ++n;
  EXPECT_EQ(n, events);
  EXPECT_EQ(quire({"export", recording, "-o", file("e.pftrace"), "--policy", "64K"}).status, 0);
  EXPECT_GT(std::filesystem::file_size(file("e.pftrace")), events);
  std::ofstream(file("r.json")) << quire({"replay", recording, "--policy", "64K", "--json"}).out;
  EXPECT_THAT(quire({"export", file("r.json"), "--format", "markdown"}).out, HasSubstr("| minor faults "));
  EXPECT_THAT(quire({"export", file("r.json"), "--format", "csv"}).out,
              HasSubstr("policy,canonical,minor_faults"));
  EXPECT_THAT(quire({"export", file("r.json"), "--format", "openmetrics"}).out, HasSubstr("# EOF"));
}

// For others: neither the command nor the folder of the recording.
TEST_F(Exchange, PublicExportsHaveNoNames) {
  const std::string recording = QUIRE_SOURCE_DIR "/traces/sqlite.quire";
  std::ofstream(file("r.json")) << quire({"replay", recording, "--policy", "64K", "--json"}).out;
  for (const char* format : {"jsonl", "csv", "markdown", "openmetrics"}) {
    const std::string text = quire({"export", file("r.json"), "--format", format, "--public"}).out;
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find("traces"), std::string::npos) << format;
  }
  EXPECT_EQ(quire({"export", recording, "--format", "jsonl", "--public"}).out.find("sqlite"),
            std::string::npos);
}

// What does not go together, and what is no input.
TEST_F(Exchange, ExportRefusesWhatItDoesNotUnderstand) {
  const std::string recording = QUIRE_SOURCE_DIR "/traces/sqlite.quire";
  EXPECT_THAT(quire({"export"}).err, HasSubstr("nothing to export"));
  EXPECT_THAT(quire({"export", recording}).err, HasSubstr("no format given"));
  EXPECT_THAT(quire({"export", recording, "--format", "cvs"}).err, HasSubstr("did you mean csv?"));
  EXPECT_THAT(quire({"export", recording, "--format", "markdown"}).err, HasSubstr("quire replay"));
  EXPECT_THAT(quire({"export", QUIRE_SOURCE_DIR "/README.md", "--format", "csv"}).err,
              HasSubstr("neither a recording"));
  const std::string copy = file("copy.quire");
  std::filesystem::copy_file(recording, copy);
  EXPECT_EQ(quire({"export", recording, "--format", "csv", "-o", copy}).status, 2);
  EXPECT_EQ(std::filesystem::file_size(copy), std::filesystem::file_size(recording));
}

}  // namespace
}  // namespace quire::cli
