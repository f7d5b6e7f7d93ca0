#include "live/settings_guard.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <stdexcept>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

using policy::Settings;
using policy::SizeEnabled;
using testing::FakeTree;
using testing::WatchedOps;

Settings only_64k() {
  Settings settings;
  settings.enabled = policy::GlobalEnabled::never;
  settings.at(Order(4)) = SizeEnabled::always;
  return settings;
}

Settings all_sizes() {
  Settings settings;
  settings.enabled = policy::GlobalEnabled::always;
  for (unsigned order = 2; order <= kPmdOrder; ++order) settings.at(Order(order)) = SizeEnabled::inherit;
  return settings;
}

void no_hook(const char*, const std::filesystem::path&) {}

// The tree holds what was asked for, and afterwards what it held before.
TEST(SettingsGuard, AppliesAndRestores) {
  const FakeTree tree;
  const auto before = tree.words();
  auto guard = SettingsGuard::hold(tree.config());
  ASSERT_TRUE(guard) << guard.error().line();
  ASSERT_TRUE(guard->apply(only_64k()));
  EXPECT_EQ(tree.get("enabled"), "never");
  EXPECT_EQ(tree.get("hugepages-64kB/enabled"), "always");
  EXPECT_EQ(tree.get("khugepaged/scan_sleep_millisecs"), "4000000000");
  const auto report = guard->restore();
  ASSERT_TRUE(report) << report.error().line();
  EXPECT_EQ(report->restored.size(), 3U);
  EXPECT_EQ(tree.words(), before);
  EXPECT_FALSE(std::filesystem::exists(tree.journal()));
}

// Only files that differ are written.
TEST(SettingsGuard, WritesOnlyWhatDiffers) {
  const FakeTree tree;
  std::vector<std::string> written;
  WatchedOps ops([&](const char* verb, const auto& path) {
    if (verb == std::string("write")) written.push_back(path.lexically_relative(tree.root()).string());
  });
  auto guard = SettingsGuard::hold(tree.config(&ops));
  ASSERT_TRUE(guard);
  ASSERT_TRUE(guard->apply(only_64k()));
  EXPECT_EQ(written, (std::vector<std::string>{"khugepaged/scan_sleep_millisecs", "hugepages-64kB/enabled",
                                               "enabled"}));
}

// I-GUARD-1: at the first write the journal is on disk, with old and new.
TEST(SettingsGuard, JournalComesBeforeTheFirstWrite) {
  const FakeTree tree;
  int writes = 0;
  WatchedOps ops([&](const char* verb, const auto&) {
    if (verb != std::string("write") || writes++ > 0) return;
    const auto text = real_file_ops().read(tree.journal());
    ASSERT_TRUE(text);
    const auto journal = parse_journal(*text, "journal");
    ASSERT_TRUE(journal);
    ASSERT_EQ(journal->files.size(), 3U);
    EXPECT_EQ(journal->files[0], (JournalEntry{"khugepaged/scan_sleep_millisecs", "10000", {"4000000000"}}));
  });
  auto guard = SettingsGuard::hold(tree.config(&ops));
  ASSERT_TRUE(guard);
  ASSERT_TRUE(guard->apply(only_64k()));
  EXPECT_EQ(writes, 3);
}

// Several policies after each other end where the first began.
TEST(SettingsGuard, ManyPoliciesThenBack) {
  const FakeTree tree;
  const auto before = tree.words();
  auto guard = SettingsGuard::hold(tree.config());
  ASSERT_TRUE(guard);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(guard->apply(only_64k()));
    ASSERT_TRUE(guard->apply(all_sizes()));
    EXPECT_EQ(tree.get("hugepages-1024kB/enabled"), "inherit");
  }
  ASSERT_TRUE(guard->restore());
  EXPECT_EQ(tree.words(), before);
}

// An exception on the way restores.
TEST(SettingsGuard, RestoresOnException) {
  const FakeTree tree;
  const auto before = tree.words();
  try {
    auto guard = SettingsGuard::hold(tree.config());
    ASSERT_TRUE(guard);
    ASSERT_TRUE(guard->apply(all_sizes()));
    throw std::runtime_error("the measurement broke");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(tree.words(), before);
}

// I-GUARD-2: a later change by another administrator is not trampled, and said.
TEST(SettingsGuard, LeavesSomebodyElsesLaterChangeAlone) {
  const FakeTree tree;
  auto guard = SettingsGuard::hold(tree.config());
  ASSERT_TRUE(guard);
  ASSERT_TRUE(guard->apply(only_64k()));
  tree.set("hugepages-64kB/enabled", "madvise\n");
  const auto report = guard->restore();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->changed_since, std::vector<std::string>{"hugepages-64kB/enabled"});
  EXPECT_EQ(tree.get("hugepages-64kB/enabled"), "madvise");
  EXPECT_EQ(tree.get("enabled"), "madvise");
}

// A second holder is told who is first.
TEST(SettingsGuard, RefusesASecondHolder) {
  const FakeTree tree;
  const auto first = SettingsGuard::hold(tree.config());
  ASSERT_TRUE(first);
  const auto second = SettingsGuard::hold(tree.config());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find(std::to_string(::getpid())), std::string::npos) << second.error().line();
  EXPECT_FALSE(recover_stale_journal(tree.config()));
}

// The lock is free again once the first holder is gone.
TEST(SettingsGuard, HolderMayFollowHolder) {
  const FakeTree tree;
  {
    ASSERT_TRUE(SettingsGuard::hold(tree.config()));
  }
  EXPECT_TRUE(SettingsGuard::hold(tree.config()));
}

// A write that fails halfway undoes the ones before it.
TEST(SettingsGuard, FailedApplyLeavesNothingBehind) {
  const FakeTree tree;
  const auto before = tree.words();
  WatchedOps ops(no_hook);
  auto guard = SettingsGuard::hold(tree.config(&ops));
  ASSERT_TRUE(guard);
  ops.fail_on("thp/enabled");
  const auto applied = guard->apply(only_64k());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, Diagnostic::Kind::kPrivilege);
  EXPECT_EQ(tree.words(), before);
}

// I-GUARD-1 again: no journal, no write.
TEST(SettingsGuard, WithoutAJournalNothingIsWritten) {
  const FakeTree tree;
  const auto before = tree.words();
  WatchedOps ops(no_hook);
  ops.fail_on(kJournalName);
  auto guard = SettingsGuard::hold(tree.config(&ops));
  ASSERT_TRUE(guard);
  EXPECT_FALSE(guard->apply(only_64k()));
  EXPECT_EQ(tree.words(), before);
}

// What cannot be put back is the loudest failure, names the file, restores the
// rest and keeps the journal for a later try.
TEST(SettingsGuard, FailedRestoreIsLoudAndKeepsTheJournal) {
  const FakeTree tree;
  const auto before = tree.words();
  WatchedOps ops(no_hook);
  auto guard = SettingsGuard::hold(tree.config(&ops));
  ASSERT_TRUE(guard);
  ASSERT_TRUE(guard->apply(only_64k()));
  ops.fail_on("thp/enabled");
  const auto report = guard->restore();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, Diagnostic::Kind::kNotRestored);
  EXPECT_NE(report.error().what.find("enabled should be 'madvise'"), std::string::npos);
  EXPECT_EQ(tree.get("hugepages-64kB/enabled"), "never");
  EXPECT_TRUE(std::filesystem::exists(tree.journal()));
  ops.fail_on("");
  EXPECT_TRUE(guard->restore());
  EXPECT_EQ(tree.words(), before);
}

// A journal of an earlier boot describes settings that are gone.
TEST(SettingsGuard, ForgetsAJournalOfAnEarlierBoot) {
  const FakeTree tree;
  {
    ASSERT_TRUE(SettingsGuard::hold(tree.config()));
  }
  Journal journal{1, "boot-0", tree.root().string(), {{"enabled", "never", {"madvise"}}}};
  ASSERT_TRUE(real_file_ops().replace(tree.journal(), to_json(journal)));
  ASSERT_TRUE(recover_stale_journal(tree.config()));
  EXPECT_EQ(tree.get("enabled"), "madvise");
  EXPECT_FALSE(std::filesystem::exists(tree.journal()));
}

// A journal that cannot be understood stops everything: something may be
// changed, and nobody knows what.
TEST(SettingsGuard, DamagedJournalIsNotRestored) {
  const FakeTree tree;
  {
    ASSERT_TRUE(SettingsGuard::hold(tree.config()));
  }
  ASSERT_TRUE(real_file_ops().replace(tree.journal(), "{\"schema_ver"));
  const auto guard = SettingsGuard::hold(tree.config());
  ASSERT_FALSE(guard);
  EXPECT_EQ(guard.error().kind, Diagnostic::Kind::kNotRestored);
  EXPECT_TRUE(std::filesystem::exists(tree.journal()));
}

// The rest of the file kills holders. Their watchdogs become children of the
// test, so that it can wait for them.
class SettingsGuardCrash : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
  void TearDown() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

  // Runs `holder` in a child; returns its wait status once it and all it left
  // behind are gone.
  static int run(const std::function<void()>& holder) {
    const pid_t child = ::fork();
    if (child == 0) {
      holder();
      ::_exit(0);
    }
    int status = 0;
    int other = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &other, 0)) > 0;) {
      if (pid == child) status = other;
    }
    return status;
  }

  enum class WatchdogFate { alive, killed };

  // A holder's whole life, killed just before its n-th operation on a file.
  static void live_until(const FakeTree& tree, int n, WatchdogFate fate) {
    const pid_t self = ::getpid();
    int steps = 0;
    WatchedOps ops([&](const char*, const auto&) {
      if (::getpid() == self && ++steps == n) ::raise(SIGKILL);
    });
    auto guard = SettingsGuard::hold(tree.config(&ops));
    if (!guard) ::_exit(1);
    if (fate == WatchdogFate::killed) ::kill(guard->watchdog_pid(), SIGKILL);
    if (!guard->apply(only_64k()) || !guard->apply(all_sizes()) || !guard->restore()) ::_exit(1);
  }

  static bool killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
};

// kill -9 at every step: the watchdog restores, and leaves no journal.
TEST_F(SettingsGuardCrash, WatchdogRestoresAfterDeathAtEveryStep) {
  int n = 1;
  for (;; ++n) {
    const FakeTree tree;
    const auto before = tree.words();
    const int status = run([&] { live_until(tree, n, WatchdogFate::alive); });
    ASSERT_EQ(tree.words(), before) << "killed at step " << n;
    ASSERT_FALSE(std::filesystem::exists(tree.journal())) << "killed at step " << n;
    if (!killed(status)) {
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      break;
    }
  }
  EXPECT_GT(n, 40) << "the life of a holder has more steps than that";
}

// The watchdog killed as well: the next start restores.
TEST_F(SettingsGuardCrash, NextStartRestoresWhenTheWatchdogDiedToo) {
  int changed = 0;
  for (int n = 1;; ++n) {
    const FakeTree tree;
    const auto before = tree.words();
    const int status = run([&] { live_until(tree, n, WatchdogFate::killed); });
    if (tree.words() != before) ++changed;
    const auto report = recover_stale_journal(tree.config());
    ASSERT_TRUE(report) << report.error().line();
    ASSERT_EQ(tree.words(), before) << "killed at step " << n;
    if (!killed(status)) break;
  }
  EXPECT_GT(changed, 10) << "most deaths leave something to restore";
}

// A restorer that dies at any step leaves enough for the one after it.
TEST_F(SettingsGuardCrash, RecoveryItselfMayDie) {
  for (int n = 1;; ++n) {
    const FakeTree tree;
    const auto before = tree.words();
    run([&] {
      auto guard = SettingsGuard::hold(tree.config());
      if (!guard || !guard->apply(all_sizes())) ::_exit(1);
      ::kill(guard->watchdog_pid(), SIGKILL);
      ::raise(SIGKILL);
    });
    ASSERT_NE(tree.words(), before);
    const int status = run([&] {
      int steps = 0;
      WatchedOps ops([&](const char*, const auto&) {
        if (++steps == n) ::raise(SIGKILL);
      });
      if (!recover_stale_journal(tree.config(&ops))) ::_exit(1);
    });
    ASSERT_TRUE(recover_stale_journal(tree.config()));
    ASSERT_EQ(tree.words(), before) << "recovery killed at step " << n;
    if (!killed(status)) break;
  }
}

// Signals that end a program end the holder too, and the watchdog restores.
TEST_F(SettingsGuardCrash, SignalsRestore) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT}) {
    const FakeTree tree;
    const auto before = tree.words();
    const int status = run([&] {
      ::signal(signal, SIG_DFL);
      auto guard = SettingsGuard::hold(tree.config());
      if (!guard || !guard->apply(all_sizes())) ::_exit(1);
      ::raise(signal);
    });
    EXPECT_TRUE(WIFSIGNALED(status)) << signal;
    EXPECT_EQ(tree.words(), before) << signal;
  }
}

// The real thing: the settings of this host after kill -9 of their holder.
TEST_F(SettingsGuardCrash, LiveSettingsAreRestoredAfterKill) {
  if (::geteuid() != 0) GTEST_SKIP() << "changing settings needs root";
  if (anon_orders_of().below(kOrderPmd).empty()) GTEST_SKIP() << "this kernel has no per-size settings";
  if (const auto guard = SettingsGuard::hold(); !guard) GTEST_SKIP() << guard.error().line();
  const ThpState before = read_thp_state();
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe(ends.data()), 0);
  const int status = run([&] {
    Settings settings = only_64k();
    settings.at(Order(4)) = SizeEnabled::madvise;  // nobody else's memory is touched
    auto guard = SettingsGuard::hold();
    if (!guard || !guard->apply(settings)) ::_exit(1);
    const bool changed = read_thp_state() != before;
    if (::write(ends[1], changed ? "y" : "n", 1) != 1) ::_exit(1);
    ::raise(SIGKILL);
  });
  char changed = 0;
  ASSERT_EQ(::read(ends[0], &changed, 1), 1);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_TRUE(killed(status));
  EXPECT_EQ(changed, 'y');
  EXPECT_EQ(read_thp_state(), before);
}

// A signal to the terminal's foreground group does not reach the watchdog.
TEST_F(SettingsGuardCrash, WatchdogIsInASessionOfItsOwn) {
  const FakeTree tree;
  auto guard = SettingsGuard::hold(tree.config());
  ASSERT_TRUE(guard);
  // The watchdog calls setsid() first thing; a child of ours cannot be asked
  // when, so wait for the kernel's word.
  while (::getsid(guard->watchdog_pid()) == ::getsid(0)) ::sched_yield();
  EXPECT_EQ(::getsid(guard->watchdog_pid()), guard->watchdog_pid());
}

}  // namespace
}  // namespace quire::live
