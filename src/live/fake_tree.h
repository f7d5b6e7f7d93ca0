// live/fake_tree.h - for tests: a settings tree in a temporary folder, and
// outside worlds that fail, watch or die.
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "live/file_ops.h"
#include "live/host.h"
#include "live/settings_guard.h"

namespace quire::live::testing {

namespace fs = std::filesystem;

class TempFolder {
 public:
  explicit TempFolder(const fs::path& parent = fs::temp_directory_path()) {
    std::string name = (parent / "quire-live-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Ordinary files with the texts a freshly booted 6.18 shows.
class FakeTree {
 public:
  FakeTree() {
    set("enabled", "always [madvise] never\n");
    set("defrag", "always defer defer+madvise [madvise] never\n");
    set("use_zero_page", "1\n");
    set("shrink_underused", "1\n");
    for (unsigned kib = 16; kib <= 2048; kib *= 2) {
      set("hugepages-" + std::to_string(kib) + "kB/enabled",
          kib == 2048 ? "always [inherit] madvise never\n" : "always inherit madvise [never]\n");
    }
    set("khugepaged/scan_sleep_millisecs", "10000\n");
    set("khugepaged/alloc_sleep_millisecs", "60000\n");
    set("khugepaged/defrag", "1\n");
    set("khugepaged/pages_to_scan", "4096\n");
    set("khugepaged/max_ptes_none", "511\n");
    set("khugepaged/max_ptes_swap", "64\n");
    set("khugepaged/max_ptes_shared", "256\n");
  }

  [[nodiscard]] fs::path root() const { return folder_.path() / "thp"; }
  [[nodiscard]] fs::path state_dir() const { return folder_.path() / "state"; }
  [[nodiscard]] fs::path journal() const { return state_dir() / kJournalName; }
  [[nodiscard]] fs::path applied() const { return state_dir() / kAppliedName; }
  [[nodiscard]] GuardConfig config(FileOps* ops = nullptr) const {
    return {root(), state_dir(), "boot-1", ops};
  }

  void set(const std::string& file, const std::string& text) const {
    fs::create_directories((root() / file).parent_path());
    std::ofstream(root() / file) << text;
  }
  [[nodiscard]] std::string get(const std::string& file) const {
    const auto text = real_file_ops().read(root() / file);
    return text ? chosen_word(*text) : "(missing)";
  }
  // Every file's chosen word.
  [[nodiscard]] std::map<std::string, std::string> words() const {
    std::map<std::string, std::string> words;
    for (const auto& [path, text] : read_thp_state(root())) words[path] = chosen_word(text);
    return words;
  }

 private:
  // In memory where there is such a folder: the crash tests write hundreds of
  // journals, and each is synced.
  static fs::path quick_folder() {
    return ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
  }
  TempFolder folder_{quick_folder()};
};

// Calls `before` ahead of each operation that changes something, and of each read.
class WatchedOps : public FileOps {
 public:
  using Hook = std::function<void(const char* verb, const fs::path&)>;
  explicit WatchedOps(Hook before) : before_(std::move(before)) {}

  Result<std::string, std::errc> read(const fs::path& path) override {
    before_("read", path);
    return FileOps::read(path);
  }
  Result<void, std::errc> write(const fs::path& path, const std::string& text) override {
    before_("write", path);
    if (fails_on(path)) return fail(std::errc::permission_denied);
    return FileOps::write(path, text);
  }
  Result<void, std::errc> replace(const fs::path& path, const std::string& text) override {
    before_("replace", path);
    if (fails_on(path)) return fail(std::errc::no_space_on_device);
    return FileOps::replace(path, text);
  }
  Result<void, std::errc> remove(const fs::path& path) override {
    before_("remove", path);
    return FileOps::remove(path);
  }
  Result<void, std::errc> rename(const fs::path& from, const fs::path& to) override {
    before_("rename", to);
    if (fails_on(to)) return fail(std::errc::no_space_on_device);
    return FileOps::rename(from, to);
  }

  Result<void, std::errc> swapoff(const fs::path& device) override {
    before_("swapoff", device);
    if (fails_on(device)) return fail(std::errc::not_enough_memory);
    return fail(std::errc::invalid_argument);  // as of a device that is not on
  }

  // Every change of a file of this name fails from now on.
  void fail_on(const std::string& filename) { failing_ = filename; }

 private:
  [[nodiscard]] bool fails_on(const fs::path& path) const {
    return !failing_.empty() && path.string().ends_with(failing_);
  }
  Hook before_;
  std::string failing_;
};

}  // namespace quire::live::testing
