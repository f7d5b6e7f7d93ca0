// live/thp_counters.h - every counter of large folios that this kernel keeps:
// hugepages-<size>/stats, khugepaged, and the events of /proc/vmstat.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "live/counter_reader.h"
#include "quire/types.h"

namespace quire::live {

// Under the kernel's own names.
using Counts = std::map<std::string, std::int64_t, std::less<>>;

struct ThpCounts {
  std::map<Order, Counts> sizes;  // "anon_fault_alloc", "nr_anon" ...; the latter are no events but folios
  Counts khugepaged;              // "pages_collapsed", "full_scans"
  Counts events;                  // thp_*, compact_*, faults, swap and stalls of /proc/vmstat
  bool operator==(const ThpCounts&) const = default;
};

// Finds out once what there is, then reads it again and again. On a kernel
// without large folios all is empty.
class ThpCounters {
 public:
  // `root` is "/" or holds a copy of a host's /proc and /sys.
  explicit ThpCounters(const std::filesystem::path& root = "/");
  [[nodiscard]] ThpCounts read();

 private:
  CounterReader reader_;
  // Where the values of the reader go, in its order: files, then events.
  struct Place {
    enum class Group : std::uint8_t { kSize, kKhugepaged, kEvents } group;
    Order order;  // of kSize
    std::string name;
  };
  void add_folder(const std::filesystem::path& folder, Place::Group group, Order order);
  std::vector<Place> places_;
};

// A counter that may be missing.
[[nodiscard]] std::int64_t count_of(const Counts& counts, std::string_view name);

}  // namespace quire::live
