// live/setting_changes.h - what would have to be written to make the host's
// settings those of a policy, and the writing.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "live/file_ops.h"
#include "live/setting_files.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::live {

// One file that does not hold its value yet.
struct SettingChange {
  std::string path;  // relative to the root
  std::string from;
  std::string to;
  bool operator==(const SettingChange&) const = default;
};

// In writing order. A word that the kernel's file does not list is refused
// (kPrivilege), whatever the other files say.
[[nodiscard]] Result<std::vector<SettingChange>, Diagnostic> changes_to(const policy::Settings& settings,
                                                                        const std::filesystem::path& root,
                                                                        KhugepagedSleep sleep, FileOps& ops);

// Writes them one by one and reads each back; the first that fails ends it.
[[nodiscard]] Result<void, Diagnostic> write_changes(const std::vector<SettingChange>& changes,
                                                     const std::filesystem::path& root, FileOps& ops);

// "cannot be written: ...", kPrivilege when the right to do so is missing.
[[nodiscard]] Diagnostic file_failure(const std::filesystem::path& path, const char* verb, std::errc error);

}  // namespace quire::live
