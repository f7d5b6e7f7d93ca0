#include "live/applied.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

using testing::FakeTree;
using testing::WatchedOps;
using Words = std::map<std::string, std::string>;

constexpr const char* kPolicy = "thp_anon=64K:always;2M:never khugepaged/max_ptes_none=0";

void no_hook(const char*, const std::filesystem::path&) {}

// What the tree of a fresh FakeTree holds under kPolicy.
Words under_policy(Words words) {
  words["hugepages-64kB/enabled"] = "always";
  words["hugepages-2048kB/enabled"] = "never";
  words["khugepaged/max_ptes_none"] = "0";
  return words;
}

std::vector<std::string> paths_of(const std::vector<RestoredFile>& files) {
  std::vector<std::string> paths;
  for (const RestoredFile& file : files) paths.push_back(file.path);
  std::ranges::sort(paths);
  return paths;
}

// What was applied stays when everybody is gone, khugepaged not asleep; restore
// ends where apply began.
TEST(Applied, StaysUntilRestore) {
  const FakeTree tree;
  const Words before = tree.words();
  const auto changes = apply_policy(kPolicy, Doing::really, tree.config());
  ASSERT_TRUE(changes) << changes.error().line();
  EXPECT_EQ(*changes, (std::vector<SettingChange>{{"khugepaged/max_ptes_none", "511", "0"},
                                                  {"hugepages-2048kB/enabled", "inherit", "never"},
                                                  {"hugepages-64kB/enabled", "never", "always"}}));
  EXPECT_EQ(tree.words(), under_policy(before));
  EXPECT_FALSE(std::filesystem::exists(tree.journal()));
  EXPECT_TRUE(std::filesystem::exists(tree.applied()));
  const auto report = restore_applied(Doing::really, tree.config());
  ASSERT_TRUE(report) << report.error().line();
  EXPECT_EQ(paths_of(report->restored),
            (std::vector<std::string>{"hugepages-2048kB/enabled", "hugepages-64kB/enabled",
                                      "khugepaged/max_ptes_none"}));
  EXPECT_EQ(tree.words(), before);
  EXPECT_FALSE(std::filesystem::exists(tree.applied()));
}

// Dry runs tell what the real ones do, and change nothing.
TEST(Applied, DryRunsChangeNothing) {
  const FakeTree tree;
  const Words before = tree.words();
  const auto planned = apply_policy(kPolicy, Doing::dry_run, tree.config());
  ASSERT_TRUE(planned) << planned.error().line();
  EXPECT_EQ(tree.words(), before);
  EXPECT_FALSE(std::filesystem::exists(tree.applied()));
  const auto changes = apply_policy(kPolicy, Doing::really, tree.config());
  ASSERT_TRUE(changes);
  EXPECT_EQ(*changes, *planned);
  const auto would = restore_applied(Doing::dry_run, tree.config());
  ASSERT_TRUE(would);
  EXPECT_EQ(tree.words(), under_policy(before));
  const auto done = restore_applied(Doing::really, tree.config());
  ASSERT_TRUE(done);
  EXPECT_EQ(done->restored, would->restored);
  EXPECT_EQ(tree.words(), before);
}

// A dry run after a holder was killed sees the settings as they will be when
// its changes are back, and leaves that to the real run.
TEST(Applied, DryRunLooksThroughALeftoverJournal) {
  const FakeTree tree;
  ASSERT_TRUE(SettingsGuard::hold(tree.config()));  // makes the folder
  const Journal left{1, "boot-1", tree.root().string(), {{"defrag", "madvise", {"always"}}}};
  ASSERT_TRUE(real_file_ops().replace(tree.journal(), to_json(left)));
  tree.set("defrag", "[always] defer defer+madvise madvise never\n");
  const auto planned = apply_policy("linux-6.18", Doing::dry_run, tree.config());
  ASSERT_TRUE(planned) << planned.error().line();
  EXPECT_TRUE(planned->empty());
  EXPECT_EQ(tree.get("defrag"), "always");
  ASSERT_TRUE(apply_policy("linux-6.18", Doing::really, tree.config()));
  EXPECT_EQ(tree.get("defrag"), "madvise");
}

// Where everything is so already there is nothing to undo, and a later apply is
// not refused.
TEST(Applied, NothingToChangeIsNotApplied) {
  const FakeTree tree;
  const auto changes = apply_policy("linux-6.18", Doing::really, tree.config());
  ASSERT_TRUE(changes);
  EXPECT_TRUE(changes->empty());
  EXPECT_TRUE(apply_policy(kPolicy, Doing::really, tree.config()));
}

// Two at once would lose the first one's old values.
TEST(Applied, ASecondApplyIsRefused) {
  const FakeTree tree;
  const Words before = tree.words();
  ASSERT_TRUE(apply_policy(kPolicy, Doing::really, tree.config()));
  for (const Doing doing : {Doing::dry_run, Doing::really}) {
    const auto second = apply_policy("all", doing, tree.config());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().line().find("quire restore first"), std::string::npos);
  }
  EXPECT_EQ(tree.words(), under_policy(before));
  ASSERT_TRUE(restore_applied(Doing::really, tree.config()));
  EXPECT_EQ(tree.words(), before);
}

// While verify, litmus or another apply hold the settings, both verbs name the
// holder and change nothing.
TEST(Applied, RefusedWhileSomebodyHolds) {
  const FakeTree tree;
  const Words before = tree.words();
  const auto holder = SettingsGuard::hold(tree.config());
  ASSERT_TRUE(holder);
  for (const Doing doing : {Doing::dry_run, Doing::really}) {
    const auto applied = apply_policy(kPolicy, doing, tree.config());
    ASSERT_FALSE(applied);
    EXPECT_NE(applied.error().what.find(std::to_string(::getpid())), std::string::npos);
    EXPECT_FALSE(restore_applied(doing, tree.config()));
  }
  EXPECT_EQ(tree.words(), before);
}

// A holder may work on top of what was applied, and goes back to just that.
TEST(Applied, HoldersWorkOnTop) {
  const FakeTree tree;
  const Words before = tree.words();
  ASSERT_TRUE(apply_policy(kPolicy, Doing::really, tree.config()));
  {
    auto holder = SettingsGuard::hold(tree.config());
    ASSERT_TRUE(holder);
    ASSERT_TRUE(holder->apply(policy::Settings{}));
    EXPECT_NE(tree.words(), under_policy(before));
  }
  EXPECT_EQ(tree.words(), under_policy(before));
  ASSERT_TRUE(restore_applied(Doing::really, tree.config()));
  EXPECT_EQ(tree.words(), before);
}

// Somebody else's change since: kept, and told with all three values.
TEST(Applied, KeepsSomebodyElsesChange) {
  const FakeTree tree;
  Words expected = tree.words();
  ASSERT_TRUE(apply_policy(kPolicy, Doing::really, tree.config()));
  tree.set("khugepaged/max_ptes_none", "100\n");
  tree.set("use_zero_page", "0\n");  // never was ours
  const auto report = restore_applied(Doing::really, tree.config());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kept, (std::vector<RestoredFile>{{"khugepaged/max_ptes_none", "100", "0", "511"}}));
  expected["khugepaged/max_ptes_none"] = "100";
  expected["use_zero_page"] = "0";
  EXPECT_EQ(tree.words(), expected);
}

// What no running kernel has, and what this one lacks, is refused untouched.
TEST(Applied, RefusesBeforeTheFirstChange) {
  const FakeTree tree;
  tree.set("defrag", "always [madvise] never\n");  // as before 4.11
  std::filesystem::remove(tree.root() / "shrink_underused");
  std::filesystem::remove_all(tree.root() / "hugepages-128kB");
  const Words before = tree.words();
  const auto kind_of = [&](const char* policy) {
    const auto refused = apply_policy(policy, Doing::really, tree.config());
    return refused ? 0 : static_cast<int>(refused.error().kind);
  };
  EXPECT_EQ(kind_of("65K"), 2);
  EXPECT_EQ(kind_of("laf-v4"), 2);
  EXPECT_EQ(kind_of("64K defrag=defer"), 4);
  EXPECT_EQ(kind_of("64K shrink_underused=0"), 4);
  EXPECT_EQ(kind_of("64K+128K"), 4);
  EXPECT_EQ(tree.words(), before);
  EXPECT_EQ(kind_of("64K"), 0);
}

// A file that cannot be written half-way: the ones before it go back, nothing
// is applied.
TEST(Applied, UnwritableFileUndoesTheOthers) {
  const FakeTree tree;
  const Words before = tree.words();
  for (const char* file :
       {"khugepaged/max_ptes_none", "hugepages-64kB/enabled", kJournalName, kAppliedName}) {
    WatchedOps ops(no_hook);
    ops.fail_on(file);
    const auto applied = apply_policy(kPolicy, Doing::really, tree.config(&ops));
    ASSERT_FALSE(applied) << file;
    EXPECT_EQ(tree.words(), before) << file;
    EXPECT_FALSE(std::filesystem::exists(tree.applied())) << file;
    EXPECT_FALSE(std::filesystem::exists(tree.journal())) << file;
  }
}

// A file that cannot be written back is the loudest failure; the others go
// back, and a later restore finishes.
TEST(Applied, UnwritableFileAtRestore) {
  const FakeTree tree;
  const Words before = tree.words();
  ASSERT_TRUE(apply_policy(kPolicy, Doing::really, tree.config()));
  WatchedOps ops(no_hook);
  ops.fail_on("hugepages-64kB/enabled");
  const auto report = restore_applied(Doing::really, tree.config(&ops));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, Diagnostic::Kind::kNotRestored);
  EXPECT_EQ(tree.get("hugepages-2048kB/enabled"), "inherit");
  EXPECT_TRUE(restore_applied(Doing::really, tree.config()));
  EXPECT_EQ(tree.words(), before);
}

// After a reboot the settings are those of the boot: the journal is dropped.
TEST(Applied, EndsWithTheBoot) {
  const FakeTree tree;
  const Words before = tree.words();
  ASSERT_TRUE(apply_policy(kPolicy, Doing::really, tree.config()));
  GuardConfig next_boot = tree.config();
  next_boot.boot_id = "boot-2";
  for (const auto& [path, word] : before) tree.set(path, word + "\n");
  EXPECT_TRUE(apply_policy(kPolicy, Doing::really, next_boot));
  ASSERT_TRUE(restore_applied(Doing::really, next_boot));
  EXPECT_EQ(tree.words(), before);
}

class AppliedCrash : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
  void TearDown() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

  enum class Watchdog { alive, dies_too };

  // Does `work` in a child that is killed just before its n-th operation on a
  // file; returns when it and its watchdog are gone. Whether it was killed.
  static bool killed_at(const FakeTree& tree, int n, Watchdog watchdog,
                        const std::function<bool(const GuardConfig&)>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      const pid_t self = ::getpid();
      int steps = 0;
      WatchedOps ops([&](const char*, const auto&) {
        const bool ours = ::getpid() == self;
        if (ours ? ++steps == n : watchdog == Watchdog::dies_too) ::raise(SIGKILL);
      });
      ::_exit(work(tree.config(&ops)) ? 0 : 1);
    }
    int status = 0;
    int other = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &other, 0)) > 0;) {
      if (pid == child) status = other;
    }
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
  }
  static bool apply(const GuardConfig& config) {
    return apply_policy(kPolicy, Doing::really, config).has_value();
  }
  static bool restore(const GuardConfig& config) {
    return restore_applied(Doing::really, config).has_value();
  }
};

// kill -9 of apply at every step: the watchdog leaves all of it or nothing, and
// restore ends where apply began.
TEST_F(AppliedCrash, ApplyIsAllOrNothing) {
  int n = 1;
  for (bool killed = true; killed; ++n) {
    const FakeTree tree;
    const Words before = tree.words();
    killed = killed_at(tree, n, Watchdog::alive, apply);
    const bool applied = std::filesystem::exists(tree.applied());
    ASSERT_EQ(tree.words(), applied ? under_policy(before) : before) << "killed at step " << n;
    ASSERT_TRUE(applied || killed);
    ASSERT_TRUE(restore(tree.config()));
    ASSERT_EQ(tree.words(), before) << "killed at step " << n;
  }
  EXPECT_GT(n, 25) << "apply has more steps than that";
}

// The watchdog dead as well: the next restore, or the next holder, puts the
// parts back.
TEST_F(AppliedCrash, TheNextOneUndoesHalfAnApply) {
  int halves = 0;
  int n = 1;
  for (bool killed = true; killed; ++n) {
    const FakeTree tree;
    const Words before = tree.words();
    killed = killed_at(tree, n, Watchdog::dies_too, apply);
    const bool applied = std::filesystem::exists(tree.applied());
    if (!applied && tree.words() != before) ++halves;
    if (n % 2 == 0) {
      ASSERT_TRUE(SettingsGuard::hold(tree.config()));
      ASSERT_EQ(tree.words(), applied ? under_policy(before) : before);
    }
    ASSERT_TRUE(restore(tree.config()));
    ASSERT_EQ(tree.words(), before) << "killed at step " << n;
  }
  EXPECT_GT(halves, 3);
}

// A restore that dies leaves enough for the one after it.
TEST_F(AppliedCrash, RestoreMayDie) {
  int n = 1;
  for (bool killed = true; killed; ++n) {
    const FakeTree tree;
    const Words before = tree.words();
    ASSERT_TRUE(apply(tree.config()));
    killed = killed_at(tree, n, Watchdog::alive, restore);
    ASSERT_TRUE(restore(tree.config()));
    ASSERT_EQ(tree.words(), before) << "killed at step " << n;
  }
  EXPECT_GT(n, 9);
}

}  // namespace
}  // namespace quire::live
