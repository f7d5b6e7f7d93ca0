// stats/counters.h - every number the modelled kernel counts, in one place.
//
// Mirrors: the vmstat event items and the per-size files under
// hugepages-<size>kB/stats, Linux 6.18. Differs: counters are per Kernel, not
// per cpu, so that a reading is always exact.
//
// sysfs, vmstat, JSON and reports read these; nothing counts on the side.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "quire/types.h"

namespace quire::stats {

// Events of the whole machine. The enumerator is the kernel's name.
enum class VmEvent : std::uint8_t {
  pgfault,
  pgmajfault,
  pgreuse,
  pglazyfree,
  thp_fault_alloc,
  thp_fault_fallback,
  thp_fault_fallback_charge,
  thp_split_page,
  thp_split_page_failed,
  thp_deferred_split_page,
  thp_underused_split_page,
  thp_split_pmd,
  thp_zero_page_alloc,
  thp_zero_page_alloc_failed,
  thp_collapse_alloc,
  thp_collapse_alloc_failed,
  thp_scan_exceed_none_pte,
  thp_scan_exceed_swap_pte,
  thp_scan_exceed_share_pte,
  thp_swpout_fallback,
  pglazyfreed,
  pswpin,
  pswpout,
  swpin_zero,
  swpout_zero,
  thp_swpout,
  swap_ra,
  swap_ra_hit,
  zswpin,
  zswpout,
  zswpwb,
  pgscan_kswapd,
  pgscan_direct,
  pgscan_anon,
  pgscan_file,
  pgsteal_kswapd,
  pgsteal_direct,
  pgsteal_anon,
  pgsteal_file,
  pgrefill,
  pgactivate,
  pgdeactivate,
  pageoutrun,
  allocstall_normal,
  allocstall_movable,
  workingset_refault_anon,
  workingset_activate_anon,
  workingset_restore_anon,
  oom_kill,
  // The kernel has no counters for these. Some are of named policies only.
  quire_cow_pages,
  thp_cow,
  quire_cow_fallback,
  quire_cow_pmds,
  quire_cow_pmd_fallback,
  quire_unshares,
  quire_zero_folios,
  quire_zero_expands,
  cont_pte_double_map_count,
  quire_directed_scans,
  quire_scanned_folios,
  quire_rmap_walks,
  quire_walked_entries,
  kCount,
};

// Events and gauges of one folio size. Gauges are nr_anon and
// nr_anon_partially_mapped: they also fall.
enum class MthpStat : std::uint8_t {
  anon_fault_alloc,
  anon_fault_fallback,
  anon_fault_fallback_charge,
  anon_fault_declined,  // of builds of 6.18 with anon_beside_full
  split,
  split_failed,
  split_deferred,
  zswpout,
  swpin,
  swpin_fallback,
  swpin_fallback_charge,
  swpout,
  swpout_fallback,
  nr_anon,
  nr_anon_partially_mapped,
  // Linux 6.18 has no files for these: policies that collapse to every size.
  collapse_alloc,
  collapse_alloc_failed,
  collapse_exceed_none_pte,
  collapse_exceed_swap_pte,
  collapse_exceed_shared_pte,
  kCount,
};

inline constexpr std::size_t kVmEvents = static_cast<std::size_t>(VmEvent::kCount);
inline constexpr std::size_t kMthpStats = static_cast<std::size_t>(MthpStat::kCount);

// The kernel's spelling.
[[nodiscard]] std::string_view name(VmEvent e);
[[nodiscard]] std::string_view name(MthpStat s);
// One sentence on what moves it, for the reference and the reports.
[[nodiscard]] std::string_view meaning(VmEvent e);
[[nodiscard]] std::string_view meaning(MthpStat s);

class Counters {
 public:
  void add(VmEvent e, std::uint64_t n = 1) { vm_[static_cast<std::size_t>(e)] += n; }
  void add(MthpStat s, Order order, std::int64_t n = 1) {
    mthp_[order.raw()][static_cast<std::size_t>(s)] += n;
  }
  [[nodiscard]] std::uint64_t get(VmEvent e) const { return vm_[static_cast<std::size_t>(e)]; }
  [[nodiscard]] std::int64_t get(MthpStat s, Order order) const {
    return mthp_[order.raw()][static_cast<std::size_t>(s)];
  }
  bool operator==(const Counters&) const = default;

 private:
  std::array<std::uint64_t, kVmEvents> vm_{};
  std::array<std::array<std::int64_t, kMthpStats>, kMaxOrder + 1> mthp_{};
};

}  // namespace quire::stats
