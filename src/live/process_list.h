// live/process_list.h - which processes there are.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

#include "quire/result.h"

namespace quire::live {

// The processes of this host as this one sees it, in order.
[[nodiscard]] std::vector<pid_t> all_processes();

// Those of a control group, of version 1 or 2, and of the groups below it, in
// order. `group` is its folder. kFailure when it is none.
[[nodiscard]] Result<std::vector<pid_t>, Diagnostic> processes_of_cgroup(const std::filesystem::path& group);

}  // namespace quire::live
