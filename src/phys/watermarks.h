// phys/watermarks.h - how much of a zone stays free for whom.
//
// Mirrors: init_per_zone_wmark_min, __setup_per_zone_wmarks,
// setup_per_zone_lowmem_reserve (mm/page_alloc.c) and
// set_recommended_min_free_kbytes (mm/khugepaged.c), Linux 6.18. Differs: no boost
// after fallbacks between migrate types, which there are none of.
#pragma once

#include <cstdint>
#include <vector>

#include "quire/types.h"

namespace quire::phys {

class Zone;

// What an allocation must leave free.
enum class Mark : std::uint8_t {
  kNone,  // nothing: memory is being freed with it
  kMin,   // what is kept for whoever frees memory
  kLow,   // below it kswapd is woken
  kHigh,  // kswapd goes to sleep
};

struct Watermarks {
  PageCount min, low, high;
  PageCount reserve;  // besides: kept from allocations that a higher zone can serve
};

// /proc/sys/vm/min_free_kbytes and watermark_scale_factor.
struct WatermarkOptions {
  ByteCount min_free;
  std::uint32_t scale_factor = 10;  // of 10,000: the distance of the marks
};

// What the kernel boots with: the square root of sixteen times the memory, in KiB.
[[nodiscard]] ByteCount default_min_free(PageCount ram);
// What khugepaged raises it to when it starts: a few 2 MiB blocks for each zone and
// kind, at most a twentieth of the memory.
[[nodiscard]] ByteCount recommended_min_free(const std::vector<Zone>& zones);

// Gives each zone its share.
void set_watermarks(std::vector<Zone>& zones, const WatermarkOptions& options);

}  // namespace quire::phys
