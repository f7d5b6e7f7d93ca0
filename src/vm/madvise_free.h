// vm/madvise_free.h - MADV_FREE: pages that may be dropped instead of swapped.
//
// Mirrors: madvise_free_pte_range, madvise_free_huge_pmd, Linux 6.18.
// Differs: pglazyfree moves at once, not when a per-cpu batch drains.
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

// Marks every page of `range`, a part of one anonymous mapping. A folio wholly
// covered stays whole; one partly covered and not shared is split to order 0
// first; shared ones are left alone.
void madvise_free_range(AddressSpace& mm, VirtRange range);

}  // namespace quire::vm
