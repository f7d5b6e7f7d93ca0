// The running kernel's own files as the oracle for ours: the same names, the
// same texts, and for each write the same error and the same text after it.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "sysfs/thp_tree.h"

namespace quire::sysfs {
namespace {

namespace fs = std::filesystem;

const fs::path kLive{"/sys/kernel/mm/transparent_hugepage"};
// Whoever changes these files, of this project, holds this lock.
constexpr const char* kLockPath = "/run/quire/settings.lock";

std::string read_live(const std::string& path) {
  std::ifstream in(kLive / path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One open and one write(2): 0, or the errno.
int write_live(const std::string& path, std::string_view text) {
  const int fd = open((kLive / path).c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t n = ::write(fd, text.data(), text.size());
  const int error = n < 0 ? errno : 0;
  close(fd);
  return error;
}

// What to write to get back to a text that was read.
std::string to_write(const std::string& shown) {
  const std::size_t open_at = shown.find('[');
  if (open_at == std::string::npos) return shown;
  return shown.substr(open_at + 1, shown.find(']') - open_at - 1);
}

std::set<std::string> live_files() {
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(kLive))
    if (!entry.is_directory()) files.insert(fs::relative(entry.path(), kLive).string());
  return files;
}

// What only some builds of 6.18 have, and this one has not.
bool is_of_other_builds(const std::string& path) {
  const policy::Attribute* const a = policy::find_attribute(path);
  const bool some =
      (a != nullptr && a->builds == policy::Builds::kSome) || path.ends_with("/anon_fault_declined");
  return some && !fs::exists(kLive / path);
}

// The settings files that this kernel has.
std::vector<const policy::Attribute*> attributes_here() {
  std::vector<const policy::Attribute*> here;
  for (const policy::Attribute& a : policy::attributes())
    if (!is_of_other_builds(a.path)) here.push_back(&a);
  return here;
}

// Every run of digits as one `number`.
std::string without_numbers(const std::string& text, const std::string& number) {
  std::string out;
  bool inside = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) out += c;
    if (digit && !inside) out += number;
    inside = digit;
  }
  return out;
}

// "hugepages-64kB/stats/split" -> "hugepages-*/stats/split"
std::string any_size(const std::string& path) {
  std::string out = without_numbers(path, "*");
  if (const std::size_t unit = out.find("-*kB"); unit != std::string::npos) out.erase(unit + 2, 2);
  return out;
}

// Only numbers and brackets may differ between two machines.
std::string shape(const std::string& text) {
  std::string out = without_numbers(text, "N");
  std::erase_if(out, [](char c) { return c == '[' || c == ']'; });
  return out;
}

// Puts the writable files back in whatever way this program ends: a second
// process waits for the end of a pipe only we hold, writes the old values and
// then lets go of the lock, which it shares.
class RestoreAtEnd {
 public:
  RestoreAtEnd(std::map<std::string, std::string> saved, int lock) : lock_(lock) {
    if (pipe2(ends_, O_CLOEXEC) != 0) return;
    guardian_ = fork();
    if (guardian_ == 0) {
      setsid();
      alarm(0);
      close(ends_[1]);
      char byte = 0;
      while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) {
      }
      int failures = 0;
      for (const auto& [path, text] : saved) failures += write_live(path, text) != 0;
      _exit(failures);
    }
    close(ends_[0]);
  }
  RestoreAtEnd(const RestoreAtEnd&) = delete;
  RestoreAtEnd& operator=(const RestoreAtEnd&) = delete;
  ~RestoreAtEnd() {
    if (guardian_ <= 0) return;
    close(ends_[1]);
    int status = 0;
    waitpid(guardian_, &status, 0);
    EXPECT_EQ(status, 0) << "some settings could not be put back";
    close(lock_);
  }
  [[nodiscard]] bool armed() const { return guardian_ > 0; }

 private:
  int lock_;
  int ends_[2]{};
  pid_t guardian_ = -1;
};

// The lock within half a minute, or -1.
int take_lock() {
  mkdir(fs::path(kLockPath).parent_path().c_str(), 0700);
  const int fd = open(kLockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  for (int tries = 0; fd >= 0 && tries < 300; ++tries) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    const timespec tenth{.tv_sec = 0, .tv_nsec = 100'000'000};
    nanosleep(&tenth, nullptr);
  }
  if (fd >= 0) close(fd);
  return -1;
}

// Everything anybody might write to one of these files, right and wrong.
std::vector<std::string> values() {
  std::vector<std::string> all{"",
                               "\n",
                               " ",
                               "0",
                               "1",
                               "1\n",
                               "1\n\n",
                               "1\r\n",
                               " 1",
                               "1 ",
                               "+1",
                               "-1",
                               "--1",
                               "01",
                               "0x1",
                               "0b1",
                               "1.0",
                               "1e2",
                               "2",
                               "255",
                               "256",
                               "511",
                               "512",
                               "4096",
                               "2147483648",
                               "4294967295",
                               "4294967296",
                               "18446744073709551615",
                               "18446744073709551616",
                               "99999999999999999999",
                               "99999999999999999999x",
                               "1junk",
                               "y",
                               "Y",
                               "yes",
                               "n",
                               "no",
                               "on",
                               "off",
                               "o",
                               "of",
                               "On\n",
                               "t",
                               "true",
                               "f",
                               "F",
                               "e",
                               "enable",
                               "d",
                               "disabled",
                               "bogus",
                               std::string("1\0junk", 6),
                               std::string("always\0junk", 11),
                               std::string("\0always", 7),
                               "\xff\xfe",
                               std::string(4095, '0') + "1",
                               std::string(4096, '0') + "1",
                               std::string(5000, 'a')};
  for (const std::string word : {"always", "madvise", "never", "inherit", "defer", "defer+madvise", "advise",
                                 "within_size", "force", "deny"}) {
    for (const char* form : {"{}", "{}\n", "{}\n\n", " {}", "{} ", "[{}]", "{}x", "{}\t", "{} never"})
      all.push_back(fmt::format(fmt::runtime(form), word));
    std::string loud = word;
    loud[0] = static_cast<char>(loud[0] - 0x20);
    all.push_back(loud);
    all.push_back(word.substr(0, word.size() - 1));
  }
  return all;
}

class LiveTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    utsname host{};
    uname(&host);
    if (!std::string(host.release).starts_with("6.18.") || std::string(host.machine) != "x86_64")
      GTEST_SKIP() << "needs Linux 6.18 on x86_64 as the oracle, this is " << host.release;
    if (!fs::exists(kLive / "hugepages-64kB")) GTEST_SKIP() << "no per-size THP files at " << kLive;
  }

  policy::Settings settings_;
  stats::Counters counters_;
  ThpTree tree_{settings_, counters_};
};

// Ours has no file the kernel lacks, and lacks only what it says it lacks.
TEST_F(LiveTreeTest, SameFilesButWhatIsNotModelled) {
  const std::set<std::string> live = live_files();
  for (const std::string& path : tree_.files())
    EXPECT_TRUE(live.contains(path) || is_of_other_builds(path)) << path;
  std::set<std::string> missing;
  for (const std::string& path : live)
    if (!tree_.read(path)) missing.insert(any_size(path));
  std::set<std::string> admitted;
  for (const NotModelled& n : not_modelled()) admitted.emplace(n.path);
  EXPECT_EQ(missing, admitted);
}

// The folders list the same names, but for the admitted.
TEST_F(LiveTreeTest, SameFolders) {
  for (const std::string dir :
       {"", "khugepaged", "hugepages-64kB", "hugepages-8kB", "hugepages-2048kB/stats"}) {
    std::set<std::string> live;
    for (const auto& entry : fs::directory_iterator(kLive / dir)) {
      const std::string path = fs::relative(entry.path(), kLive).string();
      if (entry.is_directory() || tree_.read(path)) live.insert(entry.path().filename());
    }
    std::set<std::string> ours;
    const std::vector<std::string> names = tree_.list(dir).value();
    for (const std::string& name : names)
      if (!is_of_other_builds((fs::path(dir) / name).string())) ours.insert(name);
    EXPECT_EQ(ours, live) << dir;
  }
}

// Each file reads alike but for its numbers and the place of its brackets,
// and says the same of whether it can be written.
TEST_F(LiveTreeTest, SameShapes) {
  for (const std::string& path : tree_.files()) {
    if (is_of_other_builds(path)) continue;
    EXPECT_EQ(shape(tree_.read(path).value()), shape(read_live(path))) << path;
    const bool live_writable =
        (fs::status(kLive / path).permissions() & fs::perms::owner_write) != fs::perms::none;
    EXPECT_EQ(tree_.writable(path), live_writable) << path;
  }
  EXPECT_EQ(tree_.read("hpage_pmd_size").value(), read_live("hpage_pmd_size"));
}

// Wrong paths and read-only files fail alike. Nothing is changed by this.
TEST_F(LiveTreeTest, SamePathErrors) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to write";
  for (const char* path : {"nope", "enabled/x", "khugepaged", "khugepaged/nope", "hugepages-8kB/enabled",
                           "hpage_pmd_size", "khugepaged/full_scans", "hugepages-64kB/stats/split",
                           "hugepages-64kB/stats", "hugepages-4kB/enabled", "hugepages-64KB/enabled"}) {
    const auto ours = tree_.write(path, "1");
    ASSERT_FALSE(ours) << path;
    EXPECT_EQ(static_cast<int>(ours.error()), write_live(path, "1")) << path;
  }
}

// Every value written to every file: the same error and, after it, the same
// text in that file.
TEST_F(LiveTreeTest, SameWrites) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to write";
  const int lock = take_lock();
  if (lock < 0) GTEST_SKIP() << "somebody else is changing the settings (" << kLockPath << ")";
  alarm(120);  // the guardian below restores also after this
  std::map<std::string, std::string> saved;
  const auto attributes = attributes_here();
  for (const policy::Attribute* a : attributes) saved[a->path] = to_write(read_live(a->path));
  const RestoreAtEnd restore(saved, lock);
  ASSERT_TRUE(restore.armed());

  std::size_t refused = 0;
  for (const policy::Attribute* const attribute : attributes) {
    const policy::Attribute& a = *attribute;
    ASSERT_TRUE(tree_.write(a.path, saved[a.path])) << a.path;
    for (const std::string& value : values()) {
      const auto done = tree_.write(a.path, value);
      const int ours = done ? 0 : static_cast<int>(done.error());
      const std::string said = value.substr(0, 40);
      EXPECT_EQ(ours, write_live(a.path, value)) << a.path << " <- \"" << said << "\"";
      ASSERT_EQ(tree_.read(a.path).value(), read_live(a.path)) << a.path << " <- \"" << said << "\"";
      refused += ours != 0;
    }
    EXPECT_EQ(write_live(a.path, saved[a.path]), 0);
  }
  alarm(0);
  RecordProperty("writes_refused", static_cast<int>(refused));
  EXPECT_GT(refused, 30 * attributes.size());
}

}  // namespace
}  // namespace quire::sysfs
