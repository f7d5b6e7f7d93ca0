// live/dry_run_ops.h - the outside world as it would be: reads are real until a
// file is changed, and changes stay in memory.
#pragma once

#include <map>
#include <optional>

#include "live/file_ops.h"

namespace quire::live {

class DryRunOps : public FileOps {
 public:
  // Refers to `real`, which must outlive it.
  explicit DryRunOps(FileOps& real) : real_(real) {}

  Result<std::string, std::errc> read(const std::filesystem::path& path) override {
    const auto changed = changed_.find(path);
    if (changed == changed_.end()) return real_.read(path);
    if (!changed->second) return fail(std::errc::no_such_file_or_directory);
    return *changed->second;
  }
  Result<void, std::errc> write(const std::filesystem::path& path, const std::string& text) override {
    changed_[path] = text;
    return {};
  }
  Result<void, std::errc> replace(const std::filesystem::path& path, const std::string& text) override {
    return write(path, text);
  }
  Result<void, std::errc> remove(const std::filesystem::path& path) override {
    changed_[path].reset();
    return {};
  }
  Result<void, std::errc> rename(const std::filesystem::path& from,
                                 const std::filesystem::path& to) override {
    changed_[to] = QUIRE_TRY(read(from));
    return remove(from);
  }

  Result<void, std::errc> swapoff(const std::filesystem::path& /*device*/) override { return {}; }

 private:
  FileOps& real_;
  std::map<std::filesystem::path, std::optional<std::string>> changed_;  // none: removed
};

}  // namespace quire::live
