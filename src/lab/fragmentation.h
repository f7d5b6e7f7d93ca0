// lab/fragmentation.h - a machine whose memory is in pieces.
//
// Neither compaction nor what scattered the pieces is modelled: it is given how
// often no block is found, and the engine does what Linux does then, falls back
// to the next smaller size and in the end to single pages, which are always there.
#pragma once

#include <cstdint>

#include "phys/memory.h"

namespace quire::lab {

struct Fragmentation {
  double chance = 0;       // that no block is free for a folio larger than a page: 0 to kMostFragmented
  std::uint64_t seed = 1;  // the same seed fails the same allocations
};
inline constexpr double kMostFragmented = 0.99;

// From now on that share of the allocations of large folios fails, of whatever
// size. Nothing at a chance of 0.
void fragment(phys::PhysMemory& memory, const Fragmentation& how);

}  // namespace quire::lab
