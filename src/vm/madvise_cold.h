// vm/madvise_cold.h - MADV_COLD and MADV_PAGEOUT: pages not needed soon.
//
// Mirrors: madvise_cold_or_pageout_pte_range, Linux 6.18. Differs: file pages
// always stay.
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

enum class ColdAdvice : std::uint8_t { kCold, kPageOut };

// Makes the pages of `range`, a part of one mapping, old, or reclaims them at once.
// A folio wholly covered stays whole for that; one partly covered and not
// shared is split to order 0 first; shared ones are left alone.
void madvise_cold_range(AddressSpace& mm, VirtRange range, ColdAdvice advice);

}  // namespace quire::vm
