// swap/swap_cache.h - which folios are in memory for which slots.
//
// Mirrors: mm/swap_state.c of Linux 6.18 with folio->swap. Differs: a folio's first
// slot is kept here by the folio's head, its frames in the tables of the clusters.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <optional>

#include "quire/types.h"

namespace quire::swap {

// Finds the slots of a cached folio. From a slot to its frame the way is by the
// cluster's table.
//
// Locks       : swap lock
// Invariants  : I-SWAP-2 a folio's slots are in a row and aligned to its size
class SwapCache {
 public:
  struct Cached {
    SwapEntry first;
    Order order;
  };

  void add(Pfn head, Cached cached);
  // Gives what was known of it. Only of a folio that is there.
  Cached remove(Pfn head);
  [[nodiscard]] std::optional<Cached> find(Pfn head) const;
  // In the place of one folio stand the pieces it became.
  void split(Pfn head, Order to);
  // Of all folios.
  [[nodiscard]] PageCount pages() const;

 private:
  absl::flat_hash_map<Pfn, Cached> of_head_;
};

}  // namespace quire::swap
