// lab/machine.h - the machine a recording is replayed on, as people write it:
//
//   ram=4G swap=zram:lz4:64K:4G limit=512M lru=mglru swappiness=100 fragmentation=0.6
//   ram=4G swap=block:8G zswap=zstd:20%
//   ram=4G swap=zram:zstd:4K:2G:threads=2:priority=100,disk:8G:discard
//
// Words may stand in any order, each but `swap` once; only `ram` is needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/codec.h"
#include "lab/fragmentation.h"
#include "quire/result.h"
#include "quire/types.h"
#include "reclaim/options.h"

namespace quire::lab {

// One swap device, with its options behind colons in any order.
struct SwapSpec {
  enum class Kind : std::uint8_t {
    kZram,   // zram:ALGORITHM:UNIT:SIZE; pages are compressed and stay in memory
    kBlock,  // block:SIZE; read in through the swap cache
    kDisk,   // disk:SIZE; the same, but it turns
    kFile,   // file:SIZE; takes no large folio whole
  };
  Kind kind = Kind::kZram;
  ByteCount size;
  compress::Algorithm algorithm = compress::Algorithm::kLz4;  // kZram
  std::uint32_t unit_bytes = 4096;                            // kZram: one of trace::kContentsUnits
  unsigned threads = 1;                                       // kZram: threads=N
  ByteCount mem_limit{};                                      // kZram: mem_limit=SIZE; 0: any
  bool discards = false;                                      // all others: discard
  std::optional<std::int16_t> priority = std::nullopt;        // priority=N, as swapon -p
  bool operator==(const SwapSpec&) const = default;
};

// zswap=ALGORITHM:PERCENT%[:whole-folios][:shrinker], before all swap devices.
struct ZswapSpec {
  compress::Algorithm algorithm = compress::Algorithm::kZstd;
  unsigned max_pool_percent = 20;  // of RAM
  bool whole_folios = false;       // beyond Linux 6.18: large folios are loaded as well
  bool shrinker = false;           // writes back when memory is short, not only at its limit
  bool operator==(const ZswapSpec&) const = default;
};

struct Machine {
  std::string text;  // as it was written
  ByteCount ram{64ULL << 30};
  std::vector<SwapSpec> swap;  // in the order of their numbers
  std::optional<ZswapSpec> zswap;
  std::optional<ByteCount> limit;  // of the recorded processes together, as memory.max of a group
  reclaim::Options reclaim;
  Fragmentation fragmentation;

  // Whether memory can become short: then reclaim works, and takes its time.
  [[nodiscard]] bool has_pressure() const { return !swap.empty() || limit; }
};

// kUsage, with the nearest word, for what is no machine. `where` names it in messages.
[[nodiscard]] Result<Machine, Diagnostic> parse_machine(std::string_view text, const std::string& where);

}  // namespace quire::lab
