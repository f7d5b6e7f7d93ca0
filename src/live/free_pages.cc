#include "live/free_pages.h"

#include <algorithm>
#include <array>

#include "live/host.h"

namespace quire::live {
namespace {

struct Parameter {
  std::string_view path;
  std::string_view value;
};

// How much may wait is raised first: what waits beyond it is told at once.
constexpr std::array kParameters{
    Parameter{"module/page_reporting/parameters/max_waiting_mib", "16777216"},  // 16 TiB, the largest machine
    Parameter{"module/page_reporting/parameters/min_free_ms", "300000"},        // 5 minutes
};

}  // namespace

bool is_free_page_parameter(std::string_view path) {
  return std::ranges::any_of(kParameters, [path](const Parameter& p) { return p.path == path; });
}

Result<std::vector<SettingChange>, Diagnostic> changes_to_keep_free_pages(const std::filesystem::path& sys,
                                                                          FileOps& ops) {
  std::vector<SettingChange> changes;
  for (const Parameter& parameter : kParameters) {
    const auto text = ops.read(sys / parameter.path);
    if (!text && text.error() == std::errc::no_such_file_or_directory) return std::vector<SettingChange>{};
    if (!text) return fail(file_failure(sys / parameter.path, "read", text.error()));
    if (const std::string now = chosen_word(*text); now != parameter.value)
      changes.push_back({std::string(parameter.path), now, std::string(parameter.value)});
  }
  return changes;
}

}  // namespace quire::live
