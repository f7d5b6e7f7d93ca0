// vm/reclaim.h - what becomes of a folio that has to go.
//
// Mirrors: shrink_folio_list and try_to_unmap for anonymous folios, Linux
// 6.18, on a machine without swap space.
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

// Reclaims the anonymous folio that `vma` alone maps, wholly, with its first
// page at `addr`. Pages that MADV_FREE marked and nobody has written since
// are dropped. Others have nowhere to go: a large folio is split on the way
// (the kernel asks for room for it whole, gets none, and tries its pages one
// by one), 4 KiB stay as they are.
void reclaim_folio(AddressSpace& mm, Vma& vma, VirtAddr addr, Pfn head);

}  // namespace quire::vm
