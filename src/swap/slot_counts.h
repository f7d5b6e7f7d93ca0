// swap/slot_counts.h - how many page-table entries refer to each slot.
//
// Mirrors: swap_map and its continuations, mm/swapfile.c, Linux 6.18. Differs: what a
// byte cannot hold is kept beside by slot, and has no limit but 32 bits.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>

#include "swap/cluster.h"

namespace quire::swap {

// The counts of one device. A count is a byte of the cluster's table; the few that
// are larger have an entry of their own.
//
// Locks       : swap lock
// Invariants  : I-SWAP-7 exactly the slots marked kMany have a count beside
class SlotCounts {
 public:
  [[nodiscard]] std::uint32_t of(const SlotTable& table, std::uint64_t slot) const;
  // One more; one fewer, which must be there. They give what it is then.
  std::uint32_t add(SlotTable& table, std::uint64_t slot);
  std::uint32_t drop(SlotTable& table, std::uint64_t slot);
  [[nodiscard]] std::size_t kept_beside() const { return beyond_.size(); }

 private:
  absl::flat_hash_map<std::uint64_t, std::uint32_t> beyond_;
};

}  // namespace quire::swap
