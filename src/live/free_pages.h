// live/free_pages.h - free pages that a guest does not give to its host.
//
// Mirrors: free page reporting (mm/page_reporting.c). A guest tells its host which
// blocks of 2 MiB and more are free, the host takes back what is behind them, and
// the first touch waits for it: what is measured then is the host's work, and
// mostly of policies that take large blocks. Kernels that have min_free_ms let a
// block be free for a while before it is told, and max_waiting_mib of them.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "live/file_ops.h"
#include "live/setting_changes.h"

namespace quire::live {

// Whether `path`, relative to /sys, is one that keeping free pages writes.
[[nodiscard]] bool is_free_page_parameter(std::string_view path);

// What is to be written, relative to `sys`, so that a free block stays the guest's
// for five minutes. Empty on a kernel that has no such choice, and where the host
// is told of nothing sooner anyway.
[[nodiscard]] Result<std::vector<SettingChange>, Diagnostic> changes_to_keep_free_pages(
    const std::filesystem::path& sys, FileOps& ops);

}  // namespace quire::live
