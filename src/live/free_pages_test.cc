// Free pages stay a guest's while it is measured: on a fake /sys what is written
// and put back, on this kernel whether it takes the values.
#include "live/free_pages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

namespace fs = std::filesystem;
using testing::FakeTree;
using testing::TempFolder;

// A /sys of a kernel with the parameters.
class FakeSys {
 public:
  FakeSys() {
    fs::create_directories(folder_.path() / kFolder);
    put("min_free_ms", "0\n");
    put("max_waiting_mib", "1024\n");
  }
  void put(const char* name, const char* text) const { std::ofstream(file(name)) << text; }
  [[nodiscard]] std::string get(const char* name) const {
    return chosen_word(*real_file_ops().read(file(name)));
  }
  [[nodiscard]] fs::path path() const { return folder_.path(); }

 private:
  static constexpr const char* kFolder = "module/page_reporting/parameters";
  [[nodiscard]] fs::path file(const char* name) const { return folder_.path() / kFolder / name; }
  TempFolder folder_;
};

GuardConfig config_of(const FakeTree& tree, const fs::path& sys) {
  GuardConfig config = tree.config();
  config.sys = sys;
  return config;
}

// Both are set until the guard restores; no policy's setting was restored.
TEST(FreePages, AreKeptUntilRestored) {
  const FakeTree tree;
  const FakeSys sys;
  auto guard = SettingsGuard::hold(config_of(tree, sys.path()));
  ASSERT_TRUE(guard) << guard.error().line();
  const auto kept = guard->keep_free_pages();
  ASSERT_TRUE(kept) << kept.error().line();
  EXPECT_TRUE(*kept);
  EXPECT_NE(sys.get("min_free_ms"), "0");
  EXPECT_NE(sys.get("max_waiting_mib"), "1024");
  EXPECT_TRUE(guard->keep_free_pages().value_or(false)) << "a second time is no change";
  const auto report = guard->restore();
  ASSERT_TRUE(report) << report.error().line();
  EXPECT_TRUE(report->restored.empty());
  EXPECT_EQ(sys.get("min_free_ms"), "0");
  EXPECT_EQ(sys.get("max_waiting_mib"), "1024");
}

// A kernel without the choice: nothing is written, and the caller knows.
TEST(FreePages, OfAKernelWithoutTheChoice) {
  const FakeTree tree;
  const TempFolder sys;
  auto guard = SettingsGuard::hold(config_of(tree, sys.path()));
  ASSERT_TRUE(guard) << guard.error().line();
  EXPECT_FALSE(guard->keep_free_pages().value_or(true));
  EXPECT_FALSE(fs::exists(tree.journal()));
}

// A value that somebody else wrote meanwhile stays.
TEST(FreePages, LeavesSomebodyElsesValue) {
  const FakeTree tree;
  const FakeSys sys;
  auto guard = SettingsGuard::hold(config_of(tree, sys.path()));
  ASSERT_TRUE(guard && guard->keep_free_pages());
  sys.put("min_free_ms", "2000\n");
  ASSERT_TRUE(guard->restore());
  EXPECT_EQ(sys.get("min_free_ms"), "2000");
  EXPECT_EQ(sys.get("max_waiting_mib"), "1024");
}

// What a journal of a holder that died names is put back by the next one; a
// journal that names any other file of /sys is refused.
TEST(FreePages, AJournalNamesNoOtherParameter) {
  Journal journal{1, "boot", "/r", {}};
  note(journal.parameters, "module/page_reporting/parameters/min_free_ms", "0", "300000");
  const auto read = parse_journal(to_json(journal), "journal");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, journal);
  journal.parameters.front().path = "module/kernel/parameters/panic";
  EXPECT_FALSE(parse_journal(to_json(journal), "journal"));
}

// This kernel takes the values and has its own back afterwards.
TEST(FreePages, OfThisKernel) {
  const fs::path file = "/sys/module/page_reporting/parameters/min_free_ms";
  if (::geteuid() != 0) GTEST_SKIP() << "changing parameters needs root";
  auto guard = SettingsGuard::hold();
  if (!guard) GTEST_SKIP() << guard.error().line();
  const auto before = real_file_ops().read(file);
  const auto kept = guard->keep_free_pages();
  ASSERT_TRUE(kept) << kept.error().line();
  EXPECT_EQ(*kept, before.has_value());
  ASSERT_TRUE(guard->restore());
  EXPECT_EQ(real_file_ops().read(file).value_or(""), before.value_or(""));
}

}  // namespace
}  // namespace quire::live
