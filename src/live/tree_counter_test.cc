#include "live/tree_counter.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <iostream>

#include "live/fake_tree.h"
#include "live/host.h"
#include "live/quiet_check.h"
#include "live/settings_guard.h"

namespace quire::live {
namespace {

using policy::Settings;
using policy::SizeEnabled;
using namespace std::chrono_literals;

// Built beside the test program.
std::string toucher() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "live_touch").string();
}

class TreeCounter : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto bpf = probe_bpf(); !bpf.available) GTEST_SKIP() << bpf.reason;
    if (const auto events = probe_tracepoints(); !events.available) GTEST_SKIP() << events.reason;
  }

  static TreeCounts run(std::vector<std::string> command) {
    RunSpec spec;
    spec.command = std::move(command);
    spec.timeout = 60s;
    auto counts = run_counted(spec);
    EXPECT_TRUE(counts) << counts.error().line();
    return counts ? *counts : TreeCounts{};
  }
};

// A tree is the command, its children and their children, threads included.
TEST_F(TreeCounter, CountsTheTasksOfTheTree) {
  const TreeCounts one = run({"/bin/true"});
  EXPECT_EQ(one.tasks, 1U);
  EXPECT_EQ(one.wait_status, 0);
  EXPECT_FALSE(one.timed_out);
  EXPECT_EQ(run({toucher(), "fork", "4", "1", "5"}).tasks, 6U);
  EXPECT_EQ(run({toucher(), "thread", "4", "1", "5"}).tasks, 6U);
  EXPECT_EQ(run({toucher(), "orphan", "4", "1"}).tasks, 2U);
}

// What the caller did before the execve is not the command's: the same command
// costs the same faults from a caller with much memory.
TEST_F(TreeCounter, BeginsAtTheExecve) {
  const TreeCounts lean = run({"/bin/true"});
  const std::vector<char> ballast(64U << 20, 1);
  const TreeCounts heavy = run({"/bin/true"});
  EXPECT_EQ(lean.min_flt, heavy.min_flt);
  EXPECT_GT(lean.min_flt, 10U);
  EXPECT_EQ(ballast[0], 1);
}

// Each page touched at 4 KiB is one more fault, and 4 KiB more at the peak.
TEST_F(TreeCounter, FaultsAndPeakFollowTheTouches) {
  RunSpec spec;
  spec.small_pages = true;
  spec.command = {toucher(), "fault", "4", "0"};
  const auto none = run_counted(spec);
  spec.command = {toucher(), "fault", "4", "4096"};
  const auto many = run_counted(spec);
  ASSERT_TRUE(none && many);
  // Seven page tables for 16 MiB and their like are no faults of their own.
  EXPECT_NEAR(static_cast<double>(many->min_flt - none->min_flt), 4096, 2);
  EXPECT_EQ(many->folios_by_order, none->folios_by_order);
  const auto grown = static_cast<double>((many->peak_rss - none->peak_rss).raw());
  const double slack = many->peak_rss_exact ? 2 * 4096 : 1 << 20;
  EXPECT_NEAR(grown, 16.0 * (1U << 20), slack);
  EXPECT_GT(many->cpu_ns, none->cpu_ns);
  EXPECT_GT(many->sys_ns, 0U);
}

// The status is the command's own, as wait4 gives it.
TEST_F(TreeCounter, PassesTheWaitStatusOn) {
  const TreeCounts failed = run({"/bin/sh", "-c", "exit 7"});
  EXPECT_EQ(WEXITSTATUS(failed.wait_status), 7);
  const TreeCounts died = run({"/bin/sh", "-c", "kill -TERM $$"});
  EXPECT_TRUE(WIFSIGNALED(died.wait_status));
  EXPECT_EQ(WTERMSIG(died.wait_status), SIGTERM);
}

// What runs into its time is killed with all its descendants, also those that
// made themselves a session.
TEST_F(TreeCounter, TimeoutKillsTheWholeTree) {
  RunSpec spec;
  spec.command = {toucher(), "wait"};
  spec.timeout = 300ms;
  const auto counts = run_counted(spec);
  ASSERT_TRUE(counts) << counts.error().line();
  EXPECT_TRUE(counts->timed_out);
  EXPECT_EQ(counts->tasks, 2U);
  EXPECT_EQ(WTERMSIG(counts->wait_status), SIGKILL);
}

// A command that does not exist is one clear line.
TEST_F(TreeCounter, NamesACommandThatCannotBeExecuted) {
  RunSpec spec;
  spec.command = {"quire-no-such-command"};
  const auto counts = run_counted(spec);
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().kind, Diagnostic::Kind::kFailure);
  EXPECT_NE(counts.error().line().find("No such file"), std::string::npos);
}

// The command gets its words, output file and no descriptor of ours.
TEST_F(TreeCounter, StartsTheCommandClean) {
  const testing::TempFolder folder;
  RunSpec spec;
  spec.command = {"sh", "-c", "echo \"$1\"; ls /proc/self/fd | wc -l", "sh", "a word"};
  spec.stdout_path = (folder.path() / "out").string();
  ASSERT_TRUE(run_counted(spec));
  const auto text = real_file_ops().read(*spec.stdout_path);
  ASSERT_TRUE(text);
  const std::size_t own = static_cast<std::size_t>(std::distance(
      std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator{}));
  // ls sees its three, and the folder it reads; the test may have inherited
  // more than three itself, and then so does the command.
  EXPECT_EQ(*text, "a word\n" + std::to_string(own) + "\n");
}

// The rest changes the settings of this host, so that only one size under
// MADV_HUGEPAGE is allowed: nobody else's memory is affected.
class TreeCounterSizes : public TreeCounter {
 protected:
  void SetUp() override {
    TreeCounter::SetUp();
    if (IsSkipped()) return;
    if (::geteuid() != 0) GTEST_SKIP() << "changing settings needs root";
    if (anon_orders_of().below(kOrderPmd).empty()) GTEST_SKIP() << "this kernel has no per-size settings";
    auto guard = SettingsGuard::hold();
    if (!guard) GTEST_SKIP() << guard.error().line();
    guard_.emplace(std::move(*guard));
  }

  // Allows these orders for advised memory only.
  void allow(std::initializer_list<unsigned> orders) {
    Settings settings;
    settings.enabled = policy::GlobalEnabled::never;
    settings.at(kOrderPmd) = SizeEnabled::never;
    for (const unsigned order : orders) settings.at(Order(order)) = SizeEnabled::madvise;
    const auto applied = guard_->apply(settings);
    ASSERT_TRUE(applied) << applied.error().line();
  }

  std::optional<SettingsGuard> guard_;
};

using Folios = decltype(TreeCounts::folios_by_order);

Folios folios(unsigned order, std::uint64_t count) {
  Folios f{};
  f[order] = count;
  return f;
}

// Every order, count for count, against the kernel's own counters.
TEST_F(TreeCounterSizes, CountsEveryOrderAsTheKernelDoes) {
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    if (!anon_orders_of().contains(Order(order))) continue;
    allow({order});
    const QuietCheck quiet;
    const TreeCounts counts = run({toucher(), "fault", std::to_string(4U << order), "37"});
    EXPECT_EQ(counts.folios_by_order, folios(order, 37)) << "order " << order;
    EXPECT_TRUE(quiet.compare(counts).quiet()) << "order " << order;
  }
}

// Whatever `defrag` says: its five words ask for memory with different flags.
TEST_F(TreeCounterSizes, CountsUnderEveryDefrag) {
  for (unsigned word = 0; word < 5; ++word) {
    Settings settings;
    settings.enabled = policy::GlobalEnabled::never;
    settings.defrag = static_cast<policy::Defrag>(word);
    settings.at(kOrderPmd) = SizeEnabled::madvise;
    settings.at(Order(4)) = SizeEnabled::madvise;
    ASSERT_TRUE(guard_->apply(settings));
    const TreeCounts huge = run({toucher(), "fault", "2048", "5"});
    EXPECT_EQ(huge.folios_by_order, folios(9, 5)) << "defrag " << word;
    settings.at(kOrderPmd) = SizeEnabled::never;
    ASSERT_TRUE(guard_->apply(settings));
    EXPECT_EQ(run({toucher(), "fault", "64", "5"}).folios_by_order, folios(4, 5)) << "defrag " << word;
  }
}

// Descendants and threads count, also one whose parent is gone.
TEST_F(TreeCounterSizes, CountsDescendants) {
  allow({4});
  EXPECT_EQ(run({toucher(), "fork", "64", "10", "4"}).folios_by_order, folios(4, 40));
  EXPECT_EQ(run({toucher(), "thread", "64", "10", "4"}).folios_by_order, folios(4, 40));
  EXPECT_EQ(run({toucher(), "orphan", "64", "10"}).folios_by_order, folios(4, 10));
  EXPECT_EQ(run({toucher(), "exec", toucher(), "fault", "64", "10"}).folios_by_order, folios(4, 10));
}

// Threads that fault in the same block at the same time all allocate; one folio
// is kept, the others go back, and only the kept one counts. A thread that finds
// no free block may win with small pages, so the kernel's own counter decides.
TEST_F(TreeCounterSizes, LostRacesDoNotCount) {
  allow({9});
  const QuietCheck quiet;
  const TreeCounts counts = run({toucher(), "race", "2048", "200", "4"});
  EXPECT_TRUE(quiet.compare(counts).quiet());
  EXPECT_LE(counts.folios_by_order[9], 200U);
  EXPECT_GT(counts.folios_by_order[9], 100U);
  EXPECT_GT(counts.given_back, 0U);
  std::cout << "folios given back by losers: " << counts.given_back << "\n";
}

// Large allocations for other ends do not count: the page cache, sockets, pipes.
// Each of the three is checked to make some, where the file system can.
TEST_F(TreeCounterSizes, OtherLargeAllocationsDoNotCount) {
  allow({2, 3, 4, 5, 6, 7, 8, 9});
  const testing::TempFolder folder;
  const TreeCounts file = run({toucher(), "file", (folder.path() / "data").string()});
  const TreeCounts socket = run({toucher(), "socket"});
  const TreeCounts pipe = run({toucher(), "pipe"});
  for (const TreeCounts& counts : {file, socket, pipe}) {
    EXPECT_EQ(counts.wait_status, 0);
    EXPECT_EQ(counts.folios_by_order, Folios{});
  }
  EXPECT_GT(socket.other_large, 100U);
  std::cout << "large allocations seen and not counted: file " << file.other_large << ", socket "
            << socket.other_large << ", pipe " << pipe.other_large << "\n";
}

// Shared memory asks with the very flags of anonymous memory; it does not count
// even where this host gives it large folios.
TEST_F(TreeCounterSizes, SharedMemoryDoesNotCount) {
  allow({4});
  EXPECT_EQ(run({toucher(), "shared", "64", "20"}).folios_by_order, Folios{});
}

// A real program makes the same folios each time: address randomisation is off
// and khugepaged asleep.
TEST_F(TreeCounterSizes, RealProgramIsStable) {
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no python3 on this host";
  Settings settings;
  settings.enabled = policy::GlobalEnabled::never;
  settings.at(kOrderPmd) = SizeEnabled::never;
  settings.at(Order(4)) = SizeEnabled::always;
  ASSERT_TRUE(guard_->apply(settings));
  const std::vector<std::string> command{"/usr/bin/python3", "-c", "d = {i: str(i) for i in range(100000)}"};
  run(command);  // brings its files into the page cache
  const TreeCounts first = run(command);
  EXPECT_GT(first.folios_by_order[4], 100U);
  for (int again = 0; again < 2; ++again) {
    const TreeCounts next = run(command);
    EXPECT_EQ(next.folios_by_order, first.folios_by_order);
    EXPECT_NEAR(static_cast<double>(next.min_flt), static_cast<double>(first.min_flt), 4);
  }
}

// A collapse makes a huge folio by no fault: it is counted apart.
TEST_F(TreeCounterSizes, CollapseIsCountedApart) {
  allow({});
  const TreeCounts counts = run({toucher(), "collapse"});
  EXPECT_EQ(counts.wait_status, 0);
  EXPECT_EQ(counts.collapsed, 1U);
  EXPECT_EQ(counts.folios_by_order, Folios{});
}

// Somebody else's folios are seen as such.
TEST_F(TreeCounterSizes, QuietCheckSeesOthers) {
  allow({4});
  const QuietCheck quiet;
  const TreeCounts mine = run({toucher(), "fault", "64", "3"});
  const TreeCounts others = run({toucher(), "fault", "64", "8"});
  const QuietResult result = quiet.compare(mine);
  EXPECT_FALSE(result.quiet());
  EXPECT_EQ(result.foreign[4], static_cast<std::int64_t>(others.folios_by_order[4]));
}

}  // namespace
}  // namespace quire::live
