// Devices of a guard: on a fake /sys what is written when, on this kernel that
// none is left.
#include "live/zram.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

using testing::FakeTree;
using testing::WatchedOps;
namespace fs = std::filesystem;

// A /sys with one device that hot_add hands out.
class FakeSys {
 public:
  FakeSys() {
    put("class/zram-control/hot_add", "4\n");
    put("class/zram-control/hot_remove", "");
    put("block/zram4/diskseq", "77\n");
  }
  void put(const std::string& file, const std::string& text) const {
    fs::create_directories((path() / file).parent_path());
    std::ofstream(path() / file) << text;
  }
  [[nodiscard]] std::string get(const std::string& file) const {
    return real_file_ops().read(path() / file).value_or("(missing)");
  }
  [[nodiscard]] fs::path path() const { return folder_.path() / "sys"; }

 private:
  testing::TempFolder folder_;
};

GuardConfig config_of(const FakeTree& tree, const FakeSys& sys, FileOps& ops) {
  GuardConfig config = tree.config(&ops);
  config.sys = sys.path();
  return config;
}

// I-GUARD-5: the device is in the journal when its number is told; restoring
// ends its use, removes it, and then the journal goes.
TEST(Zram, GuardRemovesItsDevice) {
  const FakeTree tree;
  const FakeSys sys;
  std::vector<std::string> done;
  WatchedOps ops([&](const char* verb, const fs::path& path) {
    if (std::string_view(verb) != "read") done.push_back(std::string(verb) + " " + path.filename().string());
  });
  auto guard = SettingsGuard::hold(config_of(tree, sys, ops));
  ASSERT_TRUE(guard) << guard.error().line();
  EXPECT_EQ(guard->add_zram(), 4U);
  const auto journal = parse_journal(*real_file_ops().read(tree.journal()), "journal");
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->devices, (std::vector<JournalDevice>{{4, "77"}}));
  done.clear();
  ASSERT_TRUE(guard->restore());
  EXPECT_EQ(done, (std::vector<std::string>{"swapoff zram4", "write hot_remove", "remove settings.journal"}));
  EXPECT_EQ(sys.get("class/zram-control/hot_remove"), "4");
}

// A device that somebody else made later under the number is not ours to remove.
TEST(Zram, AnotherDeviceOfThatNumberIsLeftAlone) {
  const FakeTree tree;
  const FakeSys sys;
  WatchedOps ops([](const char* /*verb*/, const fs::path& /*path*/) {});
  auto guard = SettingsGuard::hold(config_of(tree, sys, ops));
  ASSERT_TRUE(guard);
  ASSERT_TRUE(guard->add_zram());
  sys.put("block/zram4/diskseq", "78\n");
  ASSERT_TRUE(guard->restore());
  EXPECT_EQ(sys.get("class/zram-control/hot_remove"), "");
}

// What cannot be taken out of use is told, and the journal stays.
TEST(Zram, ADeviceThatStaysInUseIsNotRestored) {
  const FakeTree tree;
  const FakeSys sys;
  WatchedOps ops([](const char* /*verb*/, const fs::path& /*path*/) {});
  auto guard = SettingsGuard::hold(config_of(tree, sys, ops));
  ASSERT_TRUE(guard);
  ASSERT_TRUE(guard->add_zram());
  ops.fail_on("zram4");
  const auto restored = guard->restore();
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, Diagnostic::Kind::kNotRestored);
  EXPECT_TRUE(fs::exists(tree.journal()));
  ops.fail_on("");
  EXPECT_TRUE(guard->restore());
}

// What would be in use, and why not, on this kernel.
std::string why_not_here() {
  const auto guard = SettingsGuard::hold();
  if (!guard) return guard.error().line();
  if (!swaps_in_use().empty()) return "swap is in use here";
  return "";
}

bool in_use(unsigned number) {
  const auto names = swaps_in_use();
  return std::ranges::find(names, zram_name(number)) != names.end();
}

// A holder that is killed leaves no device in use as swap, nor the device.
TEST(Zram, KilledHolderLeavesNoSwap) {
  if (const std::string reason = why_not_here(); !reason.empty()) GTEST_SKIP() << reason;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    int number = -1;
    auto guard = SettingsGuard::hold();
    const auto added = guard ? guard->add_zram() : Result<unsigned, Diagnostic>(fail(guard.error()));
    if (added && format_zram(*added, "lz4", 16_MiB) && swap_on(*added, std::nullopt))
      number = static_cast<int>(*added);
    (void)!::write(ends[1], &number, sizeof number);
    ::pause();
  }
  int number = -1;
  ASSERT_EQ(::read(ends[0], &number, sizeof number), static_cast<ssize_t>(sizeof number));
  const bool was_on = number >= 0 && in_use(static_cast<unsigned>(number));
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  if (number < 0) GTEST_SKIP() << "no zram device can be made here";
  EXPECT_TRUE(was_on);
  // The lock is the watchdog's until it is done.
  const auto is_free = [] { return SettingsGuard::hold().has_value(); };
  bool free = is_free();
  for (int i = 0; !free && i < 2000; ++i) {
    ::usleep(5000);
    free = is_free();
  }
  ASSERT_TRUE(free);
  EXPECT_FALSE(in_use(static_cast<unsigned>(number)));
  EXPECT_FALSE(fs::exists(zram_name(static_cast<unsigned>(number))));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace quire::live
