// reclaim/options.h - what may be said about a machine's reclaim.
#pragma once

#include <cstdint>
#include <optional>

#include "quire/types.h"

namespace quire::reclaim {

// The order in which folios are taken back.
enum class LruKind : std::uint8_t {
  kClassic,          // active and inactive lists (Linux 6.18 without generations)
  kGenerations,      // multi-generational (Linux 6.18 with lru_gen)
  kDual,             // active and inactive lists, large and small folios apart (OPPO)
  kDualGenerations,  // generations, large and small folios apart (TAO's targeted reclaim)
};

// Whether kswapd is there. Without it allocations do all the work themselves.
enum class Kswapd : std::uint8_t { kRuns, kNever };

struct Options {
  LruKind lru = LruKind::kClassic;
  std::uint32_t swappiness = 60;        // 0 to 200
  std::optional<ByteCount> min_free{};  // min_free_kbytes; none: as the kernel boots with
  std::uint32_t watermark_scale_factor = 10;
  Kswapd kswapd = Kswapd::kRuns;
  Order large{4};                 // from which order on a folio is large, for the dual kinds
  std::uint64_t pool_blocks = 0;  // blocks of that order kept for large folios alone
};

}  // namespace quire::reclaim
