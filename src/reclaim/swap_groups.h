// reclaim/swap_groups.h - which group what lies in swap was counted against.
//
// Mirrors: mm/swap_cgroup.c, Linux 6.18. Differs: a slot keeps what was said of it until
// something else is swapped out to it; nobody asks in between.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "folio/lru.h"
#include "quire/types.h"

namespace quire::reclaim {

// A GroupId for each slot up to the highest that something of a group other than the root lay in.
class SwapGroups {
 public:
  void put(SwapEntry first, PageCount n, folio::GroupId group) {
    auto& slots = devices_[first.device()];
    const std::uint64_t end = first.slot() + n.raw();
    if (slots.size() < end) {
      if (group == folio::kRootGroup && slots.size() <= first.slot()) return;
      slots.resize(std::max<std::size_t>(end, slots.size() * 2));
    }
    std::fill(slots.begin() + static_cast<std::ptrdiff_t>(first.slot()),
              slots.begin() + static_cast<std::ptrdiff_t>(end), group);
  }
  [[nodiscard]] folio::GroupId of(SwapEntry entry) const {
    const auto& slots = devices_[entry.device()];
    return entry.slot() < slots.size() ? slots[entry.slot()] : folio::kRootGroup;
  }

 private:
  std::array<std::vector<folio::GroupId>, 32> devices_;
};

}  // namespace quire::reclaim
