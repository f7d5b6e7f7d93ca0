// litmus/counter_names.h - the counters an experiment may speak of, under the
// kernel's names: "64K/anon_fault_alloc", "thp_split_pmd".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "quire/types.h"

namespace quire::litmus {

// Values by name, or by how much they moved.
using Counts = std::map<std::string, std::int64_t>;

// Files below hugepages-<size>/stats, and events of /proc/vmstat that only
// large folios move.
[[nodiscard]] std::span<const std::string_view> size_counters();
[[nodiscard]] std::span<const std::string_view> event_counters();

[[nodiscard]] std::string counter_name(std::optional<Order> size, std::string_view name);
// "hugepages-64kB/stats/anon_fault_alloc"
[[nodiscard]] std::string stat_file(Order size, std::string_view name);

}  // namespace quire::litmus
