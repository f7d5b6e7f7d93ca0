#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/testing_import.h"

namespace quire::convert {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using trace::Event;
using trace::Kind;
using trace::Phase;
using trace::Sys;

testing::Imported strace(std::string_view text, Lines lines = Lines::kAllMustFit) {
  return testing::import_text(Format::kStrace, text, lines);
}

std::string corpus(const char* name) {
  return testing::sample(std::string(QUIRE_SOURCE_DIR "/tests/corpus/strace/") + name);
}

// A real trace: workloads/import_sample.c under strace 6.1.
TEST(Strace, ReadsARealTrace) {
  const auto imported = strace(corpus("small"));
  ASSERT_TRUE(imported.findings) << imported.wrong->line();
  EXPECT_THAT(imported.findings->header.argv, ElementsAre("/srv/small"));
  EXPECT_EQ(imported.findings->header.wall_clock_start, 1795440265);
  EXPECT_EQ(imported.findings->summary.exit_status, 3 << 8);
  EXPECT_EQ(imported.findings->summary.tasks, 2U);
  EXPECT_EQ(imported.of(Kind::kTouch).size(), 0U);
  ASSERT_EQ(imported.of(Sys::kMmap).size(), 1U);
  const Event mmap = imported.of(Sys::kMmap)[0];
  EXPECT_EQ(mmap.args, (std::array<std::uint64_t, 6>{0, 262144, 3, 0x22, ~0ULL, 0}));
  EXPECT_EQ(mmap.result, 0x7f0f667f9000);
  EXPECT_EQ(imported.of(Sys::kMadvise)[0].args[2], 4U);
  EXPECT_EQ(imported.of(Kind::kFork).size(), 1U);
  EXPECT_EQ(imported.of(Kind::kExit).size(), 2U);
  EXPECT_EQ(imported.of(Kind::kMmGone).size(), 2U);
}

// brk(0) tells where exec had put the heap; the exec's own event is long written.
TEST(Strace, FindsWhereTheHeapBegins) {
  const auto imported = strace(corpus("small"));
  ASSERT_TRUE(imported.findings);
  EXPECT_EQ(imported.findings->brk_of_exec, (std::map<std::uint64_t, std::uint64_t>{{0, 0x542c000}}));
}

// Calls in two halves keep their place: munmap where it began, the rest where it
// returned; a thread's lines come before clone has returned; midnight passes.
TEST(Strace, PutsHalvesTogether) {
  const auto imported = strace(corpus("unfinished"));
  ASSERT_TRUE(imported.findings) << imported.wrong->line();
  EXPECT_THAT(imported.findings->header.argv, ElementsAre("a", "two words", "q\"\xc3\xa4\n"));
  const auto forks = imported.of(Kind::kFork);
  ASSERT_EQ(forks.size(), 2U);
  EXPECT_EQ(forks[0].args[1], 0U);  // a thread: the same address space
  EXPECT_EQ(forks[1].args[1], 0U);  // vfork
  ASSERT_EQ(imported.of(Sys::kMunmap).size(), 1U);
  EXPECT_EQ(imported.of(Sys::kMunmap)[0].phase, Phase::kEnter);
  const auto moved = imported.of(Sys::kMremap);
  ASSERT_EQ(moved.size(), 2U);
  EXPECT_EQ(moved[0].phase, Phase::kEnter);
  EXPECT_EQ(moved[1].result, 0x7f0000100000);
  EXPECT_EQ(imported.of(Sys::kMadvise)[0].result, -22);
  EXPECT_EQ(imported.of(Kind::kExec).size(), 2U);
  EXPECT_EQ(imported.of(Kind::kExec)[1].text, "b");
  EXPECT_EQ(imported.findings->summary.exit_status, 9 << 8);
  EXPECT_EQ(imported.events.back().time_us, 1'000'011U);  // a second behind the first
}

// With -y a mapping has the file's name; its commas and bars are the name's.
TEST(Strace, NamesMappedFiles) {
  const auto imported = strace(corpus("unfinished"));
  const auto files = imported.of(Kind::kFile);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].text, "lib, a|b.so");
  const auto maps = imported.of(Sys::kMmap);
  EXPECT_EQ(maps[0].file, 0U);
  EXPECT_EQ(maps[1].file, files[0].file);
}

// On a terminal the first task has no number until there is a second.
TEST(Strace, KnowsTheTaskWithoutANumber) {
  const auto imported = strace(corpus("terminal"));
  ASSERT_TRUE(imported.findings) << imported.wrong->line();
  EXPECT_EQ(imported.findings->summary.tasks, 2U);
  EXPECT_EQ(imported.findings->summary.lost_events, 0U);
  EXPECT_EQ(imported.of(Sys::kMprotect)[0].task, 1U);
  EXPECT_EQ(imported.of(Sys::kMadvise)[0].task, 2U);
}

// The place and what was expected; the lenient way says how many it left out.
TEST(Strace, SaysWhichLineDoesNotFit) {
  const std::string text =
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 brk(NULL) = 0x1000\n1 mmap(NULL, lots) = 0\nhello\n";
  const auto strict = strace(text);
  ASSERT_TRUE(strict.wrong);
  EXPECT_EQ(strict.wrong->where, "text:3");
  EXPECT_THAT(strict.wrong->what, HasSubstr("expected 6 arguments of mmap"));
  const auto lenient = strace(text, Lines::kSkipBad);
  ASSERT_TRUE(lenient.tally && lenient.findings);
  EXPECT_EQ(lenient.tally->skipped, 2U);
  EXPECT_THAT(lenient.tally->first_skipped, HasSubstr("text:3"));
}

// Tasks that nobody has made are told as lost, and a trace without a beginning
// is refused.
TEST(Strace, SaysWhatIsMissing) {
  const auto orphan =
      strace("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 brk(NULL) = 0x1000\n2 brk(NULL) = 0x1000\n");
  ASSERT_TRUE(orphan.findings);
  EXPECT_EQ(orphan.findings->summary.lost_events, 1U);
  const auto attached = strace("1 brk(NULL) = 0x1000\n");
  ASSERT_TRUE(attached.wrong);
  EXPECT_THAT(attached.wrong->what, HasSubstr("execve"));
}

// A chain of tasks, each made by a held line of the one before, is as deep as a
// text is long: no recursion.
TEST(Strace, ReleasesALongChainOfTasks) {
  std::string text = "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 brk(NULL) = 0x1000\n";
  constexpr int kTasks = 50'000;
  for (int task = 2; task < kTasks; ++task) text += fmt::format("{} fork() = {}\n", task, task + 1);
  text += "1 fork() = 2\n";
  const auto imported = strace(text);
  ASSERT_TRUE(imported.findings);
  EXPECT_EQ(imported.findings->summary.tasks, kTasks);
}

}  // namespace
}  // namespace quire::convert
