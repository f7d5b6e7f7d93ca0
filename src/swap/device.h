// swap/device.h - one swap device in use: what keeps the bytes, its slots, their
// counts.
//
// Mirrors: struct swap_info_struct of Linux 6.18.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "swap/backend.h"
#include "swap/indirection.h"
#include "swap/slot_allocator.h"
#include "swap/slot_counts.h"
#include "swap/swap_space.h"

namespace quire::swap {

// States      : in use -> stopped (no slot is handed out) -> gone
// Owns        : its backend
struct Device {
  Device(std::uint8_t device, std::unique_ptr<Backend> with, SlotPolicy policy, SlotPort& port,
         NextSlots& next)
      : number(device),
        backend(std::move(with)),
        traits(backend->traits()),
        pages(backend->size() - PageCount(1)),
        slots({.device = device,
               .slots = entries_for(backend->size(), policy),
               .traits = entries_of(traits, policy)},
              port, next) {
    if (policy == SlotPolicy::kIndirection) behind.emplace(backend->size());
  }

  std::uint8_t number;
  std::unique_ptr<Backend> backend;
  Traits traits;
  PageCount pages;  // that can be used: all but the header
  PageCount used;
  std::int16_t priority = 0;
  bool stopped = false;
  SlotAllocator slots;
  SlotCounts counts;
  std::optional<Indirection> behind;  // only with SlotPolicy::kIndirection
  IoRequests requests;

  // Where the backend has what this slot, as entries name it, stands for.
  [[nodiscard]] std::uint64_t slot_behind(std::uint64_t slot) const {
    return behind ? behind->slot_of(slot) : slot;
  }
  [[nodiscard]] bool full() const { return used == pages; }
  [[nodiscard]] bool has_room(Order order) const { return used + order.pages() <= pages; }

 private:
  // Entries that are no slots come in whole clusters, as many as are wanted.
  static PageCount entries_for(PageCount slots, SlotPolicy policy) {
    if (policy == SlotPolicy::kContiguous) return slots;
    return PageCount((slots.raw() + kClusterSlots - 1) / kClusterSlots * kClusterSlots);
  }
  // Entries that are no slots are where no device is: any folio fits, nothing turns.
  static Traits entries_of(Traits traits, SlotPolicy policy) {
    if (policy == SlotPolicy::kContiguous) return traits;
    return {.block_device = true, .synchronous = traits.synchronous, .rotational = false, .discards = false};
  }
};

}  // namespace quire::swap
