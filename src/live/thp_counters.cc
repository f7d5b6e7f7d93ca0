#include "live/thp_counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/size.h"

namespace quire::live {
namespace {

namespace fs = std::filesystem;

bool is_of_interest(std::string_view event) {
  static constexpr std::array<std::string_view, 6> kBeginnings{"thp_",       "compact_", "pgfault",
                                                               "pgmajfault", "pswp",     "allocstall"};
  return std::ranges::any_of(kBeginnings, [&](std::string_view word) { return event.starts_with(word); });
}

// The settings of khugepaged stand beside its counters.
bool is_counter_of_khugepaged(std::string_view file) {
  return file == "pages_collapsed" || file == "full_scans";
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace

ThpCounters::ThpCounters(const fs::path& root) : reader_(root / "proc/vmstat") {
  const fs::path thp = root / "sys/kernel/mm/transparent_hugepage";
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    const std::string folder = fmt::format("hugepages-{}", base::sysfs_size(Order(n)));
    add_folder(thp / folder / "stats", Place::Group::kSize, Order(n));
  }
  add_folder(thp / "khugepaged", Place::Group::kKhugepaged, kOrder0);
  for (const std::string& name : reader_.event_names())
    if (is_of_interest(name) && reader_.add_event(name))
      places_.push_back({Place::Group::kEvents, kOrder0, name});
}

void ThpCounters::add_folder(const fs::path& folder, Place::Group group, Order order) {
  for (const std::string& name : files_in(folder)) {
    if (group == Place::Group::kKhugepaged && !is_counter_of_khugepaged(name)) continue;
    if (reader_.add_file(folder / name)) places_.push_back({group, order, name});
  }
}

ThpCounts ThpCounters::read() {
  ThpCounts counts;
  const std::vector<std::int64_t> values = reader_.read();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    Counts& group = place.group == Place::Group::kSize         ? counts.sizes[place.order]
                    : place.group == Place::Group::kKhugepaged ? counts.khugepaged
                                                               : counts.events;
    group[place.name] = values[i];
  }
  return counts;
}

std::int64_t count_of(const Counts& counts, std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace quire::live
