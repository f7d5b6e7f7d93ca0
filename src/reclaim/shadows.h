// reclaim/shadows.h - what is remembered of folios that are in swap.
//
// Mirrors: the shadow entries of the swap cache, Linux 6.18. Differs: they stay until the
// slot is used again; the kernel forgets them with the slot.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "reclaim/folio_lists.h"

namespace quire::reclaim {

// One Shadow for each page of a folio, by device and slot. Costs 8 bytes for each slot up to
// the highest ever used.
class Shadows {
 public:
  void put(SwapEntry first, PageCount n, Shadow shadow) {
    auto& slots = devices_[first.device()];
    const std::uint64_t end = first.slot() + n.raw();
    if (slots.size() < end) slots.resize(std::max<std::size_t>(end, slots.size() * 2));
    std::fill(slots.begin() + static_cast<std::ptrdiff_t>(first.slot()),
              slots.begin() + static_cast<std::ptrdiff_t>(end), shadow);
  }
  // What is known of the page, once: it is forgotten.
  [[nodiscard]] Shadow take(SwapEntry entry) {
    auto& slots = devices_[entry.device()];
    return entry.slot() < slots.size() ? std::exchange(slots[entry.slot()], Shadow()) : Shadow();
  }

 private:
  std::array<std::vector<Shadow>, 32> devices_;
};

}  // namespace quire::reclaim
