// reclaim/scan_control.h - one call for memory: who wants how much, how hard it is
// sought, and what was found so far.
//
// Mirrors: struct scan_control of mm/vmscan.c, Linux 6.18.
#pragma once

#include <cstdint>

#include "folio/lru.h"
#include "quire/types.h"

namespace quire::reclaim {

// Reclaim takes and scans so many pages at once (SWAP_CLUSTER_MAX).
inline constexpr std::uint64_t kSwapClusterMax = 32;
// It begins with a 4096th of each list and ends with all of it.
inline constexpr int kDefPriority = 12;
inline constexpr Order kCostlyOrder{3};

// Who reclaims. A group's own limit is not the machine's shortage, and counted apart.
enum class Reclaimant : std::uint8_t { kKswapd, kDirect, kGroup };

struct ScanControl {
  Reclaimant who = Reclaimant::kDirect;
  folio::GroupId target = folio::kRootGroup;  // it and all below it
  Order order{};                              // of the allocation that asked
  std::uint64_t nr_to_reclaim = kSwapClusterMax;
  std::uint32_t swappiness = 60;
  int priority = kDefPriority;
  bool may_deactivate = false;      // take from the active list this time
  bool force_deactivate = false;    // whatever is found
  bool skipped_deactivate = false;  // would have, had it been allowed
  bool full_walk = false;           // memcg_full_walk: over all groups, whatever was found in the first
  // What the last look at the target says of its stocks (prepare_scan_control).
  std::uint64_t anon_cost = 0;
  std::uint64_t clean_cost = 0;
  bool clean_is_tiny = false;       // file_is_tiny: only anonymous pages can help
  bool clean_first = false;         // cache_trim_mode: so many of the others that these alone are taken
  bool clean_first_failed = false;  // and that gave nothing
  bool no_clean_first = false;
  // Of the machine, when a walk begins.
  PageCount free{};
  PageCount high{};              // what all zones want to have free
  bool zones_safe = false;       // they have, and some more
  std::uint64_t nr_before = 0;   // kswapd: nr_reclaimed then
  std::uint64_t nr_scanned = 0;  // pages
  std::uint64_t nr_reclaimed = 0;

  // A walk over the groups; the next goes on from there.
  [[nodiscard]] bool may_stop_early() const { return who != Reclaimant::kKswapd && !full_walk; }
  [[nodiscard]] bool of_group() const { return who == Reclaimant::kGroup; }  // cgroup_reclaim
};

}  // namespace quire::reclaim
