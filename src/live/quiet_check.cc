#include "live/quiet_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/size.h"
#include "live/file_ops.h"

namespace quire::live {

namespace {

std::optional<std::uint64_t> read_count(const std::filesystem::path& path) {
  const auto text = real_file_ops().read(path);
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

FaultAllocs read_fault_allocs(const std::filesystem::path& root) {
  FaultAllocs counts;
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    const std::string dir = fmt::format("hugepages-{}", base::sysfs_size(Order(order)));
    counts[order] = read_count(root / dir / "stats/anon_fault_alloc");
  }
  return counts;
}

bool QuietResult::quiet() const {
  return std::all_of(foreign.begin(), foreign.end(), [](std::int64_t n) { return n == 0; });
}

QuietCheck::QuietCheck(std::filesystem::path root)
    : root_(std::move(root)), before_(read_fault_allocs(root_)) {}

QuietResult QuietCheck::compare(const TreeCounts& tree) const {
  const FaultAllocs after = read_fault_allocs(root_);
  QuietResult result;
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    if (!before_[order] || !after[order]) continue;
    result.foreign[order] = static_cast<std::int64_t>(*after[order] - *before_[order]) -
                            static_cast<std::int64_t>(tree.folios_by_order[order]);
  }
  return result;
}

}  // namespace quire::live
