#include "cli/settings_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/tell.h"
#include "policy/reasons.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Line {
  std::string file;
  std::string change;
  std::string why;
};

std::string aligned(const std::vector<Line>& lines) {
  std::size_t file = 0;
  std::size_t change = 0;
  for (const Line& line : lines) {
    file = std::max(file, line.file.size());
    change = std::max(change, line.change.size());
  }
  std::string text;
  for (const Line& line : lines)
    text += fmt::format("  {:<{}}  {:<{}}  ({})\n", line.file, file, line.change, change, line.why);
  return text;
}

std::string why(std::string_view policy, const std::string& path) {
  return policy::to_text(policy::reason_of(policy, path));
}

// What a file holds may be anything once somebody else wrote it.
std::string arrow(const std::string& from, const std::string& to) {
  return fmt::format("{} -> {}", one_line(from), one_line(to));
}

}  // namespace

std::string changes_text(const std::vector<live::SettingChange>& changes, std::string_view policy) {
  std::vector<Line> lines;
  for (const live::SettingChange& change : changes)
    lines.push_back({change.path, arrow(change.from, change.to), why(policy, change.path)});
  return aligned(lines);
}

Json changes_json(const std::vector<live::SettingChange>& changes, std::string_view policy) {
  Json list = Json::array();
  for (const live::SettingChange& change : changes) {
    list.push_back(
        {{"file", change.path}, {"old", change.from}, {"new", change.to}, {"why", why(policy, change.path)}});
  }
  return list;
}

std::string restored_text(const live::RestoreReport& report) {
  std::vector<Line> lines;
  for (const live::RestoredFile& file : report.restored)
    lines.push_back({file.path, arrow(file.found, file.old_value), "the value before"});
  for (const live::RestoredFile& file : report.kept) {
    lines.push_back({file.path, fmt::format("{} kept", one_line(file.found)),
                     fmt::format("changed by somebody else: Quire wrote {}, before it was {}", file.ours,
                                 file.old_value)});
  }
  return aligned(lines);
}

Json restored_json(const live::RestoreReport& report) {
  Json restored = Json::array();
  for (const live::RestoredFile& file : report.restored)
    restored.push_back({{"file", file.path}, {"from", file.found}, {"to", file.old_value}});
  Json kept = Json::array();
  for (const live::RestoredFile& file : report.kept) {
    kept.push_back(
        {{"file", file.path}, {"holds", file.found}, {"written", file.ours}, {"before", file.old_value}});
  }
  return {{"restored", restored}, {"changed_by_others", kept}};
}

}  // namespace quire::cli
