#include "cli/complete.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fmt/format.h>

namespace quire::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Line = std::vector<std::string>;

// What "quire LINE", with the cursor at its end, can become.
std::vector<std::string> words(const Line& line) {
  std::vector<std::string> found;
  for (const Candidate& candidate : complete(program(), line).candidates) found.push_back(candidate.word);
  return found;
}

// The first word is a verb; of some verbs the second is one as well.
TEST(Complete, Verbs) {
  EXPECT_THAT(words({"re"}), ElementsAre("record", "replay", "report", "restore"));
  EXPECT_EQ(words({""}).size(), verbs().size());
  EXPECT_THAT(words({"litmus", "f"}), ElementsAre("fuzz"));
  EXPECT_THAT(words({"help", "verif"}), ElementsAre("verify"));
  EXPECT_THAT(words({"unknown", ""}), IsEmpty());
}

// Options are offered where a dash is, or nothing else fits; those that may not
// be repeated once.
TEST(Complete, Options) {
  EXPECT_THAT(words({"replay", "x.quire", "--j"}), ElementsAre("--jobs", "--json"));
  EXPECT_THAT(words({"replay", "--json", "x.quire", "--j"}), ElementsAre("--jobs"));
  EXPECT_THAT(words({"replay", "--policy", "64K", "--pol"}), ElementsAre("--policy"));
  EXPECT_THAT(words({"restore", ""}), Contains("--dry-run"));
  EXPECT_THAT(words({"record", "-"}), Contains("--"));
  EXPECT_THAT(words({"replay", "-"}), Not(Contains("--")));
}

// Values, behind a space or a sign.
TEST(Complete, Values) {
  EXPECT_THAT(words({"record", "--tier", "p"}), ElementsAre("perf"));
  EXPECT_THAT(words({"record", "--tier=p"}), ElementsAre("--tier=perf"));
  EXPECT_THAT(words({"map", "--cont", "6"}), ElementsAre("64K"));
  EXPECT_THAT(words({"map", fmt::format("{}", getpid())}), Contains(fmt::format("{}", getpid())));
  EXPECT_THAT(words({"calibrate", "--rounds", ""}), IsEmpty());
}

// Policies by name, by size, by sizes, and in the kernel's words.
TEST(Complete, Policies) {
  EXPECT_THAT(words({"replay", "-p", "laf-v"}), ElementsAre("laf-v3", "laf-v4"));
  EXPECT_THAT(words({"replay", "-p", "16K+6"}), ElementsAre("16K+64K"));
  EXPECT_THAT(words({"apply", "thp_anon=16K-6"}), ElementsAre("thp_anon=16K-64K"));
  EXPECT_THAT(words({"apply", "thp_anon=64K:al"}), ElementsAre("thp_anon=64K:always"));
  EXPECT_THAT(words({"apply", "transparent_hugepage=n"}), ElementsAre("transparent_hugepage=never"));
  EXPECT_THAT(words({"apply", "64K", "defr"}), ElementsAre("defrag="));
}

// What shells know better than we do.
TEST(Complete, LeavesFilesToTheShell) {
  EXPECT_EQ(complete(program(), Line{"info", ""}).besides, "files .quire");
  EXPECT_EQ(complete(program(), Line{"info", "a.quire", ""}).besides, "words");
  EXPECT_EQ(complete(program(), Line{"sweep", "a.quire", ""}).besides, "files .quire");
  EXPECT_EQ(complete(program(), Line{"doctor", "--root="}).besides, "folders");
}

// Where the command begins, among all words; behind its first dashes everything is the command's.
TEST(Complete, LeavesTheCommandToTheShell) {
  EXPECT_EQ(complete(program(), Line{"record", "-o", "x", "--", "ls", "--", ""}).besides, "command 4");
  EXPECT_EQ(complete(program(), Line{"replay", "--", ""}).besides, "words");
}

// A process may call itself what it likes: still a candidate is a line.
TEST(Complete, OneLineEach) {
  EXPECT_EQ(to_text({.besides = "words", .candidates = {{"7", "in\x1b[2J\nit"}}}),
            "words\n7\tin\\x1b[2J\\x0ait\n");
}

}  // namespace
}  // namespace quire::cli
