// phys/reclaim_port.h - who frees memory when it is short.
#pragma once

#include <cstdint>

#include "quire/types.h"

namespace quire::phys {

// Whether the owner's frames could be moved. Page tables cannot; those of one
// kind are taken from the zone together, so that tables lie beside tables.
enum class MigrateType : std::uint8_t { kMovable, kUnmovable };

// How hard an allocation may try when free memory is short: what the kernel's gfp
// mask says of reclaim, mildest first.
enum class Effort : std::uint8_t {
  kNone,           // take what is free or give up
  kWakeKswapd,     // give up, but wake the background reclaimer
  kDirectNoRetry,  // reclaim here, once; nothing at all for orders above 3
  kDirect,         // reclaim here, as long as it helps
};

// Allocation needs reclaim, which lives above (reclaim/) and is wired in by the kernel.
class ReclaimPort {
 public:
  virtual ~ReclaimPort() = default;
  // Whether the allocation belongs to reclaim itself: it takes what is there.
  [[nodiscard]] virtual bool reclaiming() const = 0;
  // Less than the low mark is free (wakeup_kswapd).
  virtual void wake_kswapd(Order order) = 0;
  // Frees pages now; returns how many (try_to_free_pages).
  virtual std::uint64_t direct_reclaim(Order order, MigrateType type) = 0;
  // Pages that reclaim could free at best (zone_reclaimable_pages).
  [[nodiscard]] virtual PageCount reclaimable() const = 0;
  // Nothing helped. True: somebody was made to give up memory, it is worth trying again
  // (out_of_memory).
  virtual bool out_of_memory(Order order) = 0;
};

}  // namespace quire::phys
