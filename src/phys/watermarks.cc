#include "phys/watermarks.h"

#include <algorithm>
#include <cmath>

#include "phys/zone.h"

namespace quire::phys {
namespace {

std::uint64_t int_sqrt(std::uint64_t x) {
  auto root = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(x)));
  while (root * root > x) --root;
  while ((root + 1) * (root + 1) <= x) ++root;
  return root;
}

std::uint64_t pages_of(const std::vector<Zone>& zones) {
  std::uint64_t n = 0;
  for (const Zone& zone : zones) n += zone.size().raw();
  return n;
}

// The kernel's lowmem_reserve_ratio of the zones that are not the highest.
constexpr std::uint64_t kReserveRatio = 256;

}  // namespace

ByteCount default_min_free(PageCount ram) {
  const std::uint64_t kib = ram.bytes().raw() >> 10;
  return ByteCount(std::clamp<std::uint64_t>(int_sqrt(kib * 16), 128, 262144) << 10);
}

ByteCount recommended_min_free(const std::vector<Zone>& zones) {
  constexpr std::uint64_t kKindsOnLists = 3;  // MIGRATE_PCPTYPES
  const std::uint64_t blocks = zones.size() * (2 + kKindsOnLists * kKindsOnLists);
  const PageCount wanted(blocks * kPagesPerPmd);
  return std::min(wanted, PageCount(pages_of(zones) / 20)).bytes();
}

void set_watermarks(std::vector<Zone>& zones, const WatermarkOptions& options) {
  const std::uint64_t all = pages_of(zones);
  const std::uint64_t min_pages = options.min_free.raw() >> kPageShift;
  std::uint64_t above = all;
  for (Zone& zone : zones) {
    const std::uint64_t size = zone.size().raw();
    above -= size;
    const std::uint64_t min = min_pages * size / all;
    const std::uint64_t step = std::max(min / 4, size * options.scale_factor / 10000);
    zone.set_watermarks({.min = PageCount(min),
                         .low = PageCount(min + step),
                         .high = PageCount(min + 2 * step),
                         .reserve = PageCount(above / kReserveRatio)});
  }
}

}  // namespace quire::phys
