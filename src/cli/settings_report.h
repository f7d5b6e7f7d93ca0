// cli/settings_report.h - how `quire apply` and `quire restore` show what they
// did: one line a file, with its reason.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "live/applied.h"

namespace quire::cli {

// "defrag  madvise -> never  (defrag=never)"
[[nodiscard]] std::string changes_text(const std::vector<live::SettingChange>& changes,
                                       std::string_view policy);
[[nodiscard]] nlohmann::ordered_json changes_json(const std::vector<live::SettingChange>& changes,
                                                  std::string_view policy);

// Files that somebody else changed stand last.
[[nodiscard]] std::string restored_text(const live::RestoreReport& report);
[[nodiscard]] nlohmann::ordered_json restored_json(const live::RestoreReport& report);

}  // namespace quire::cli
