// vm/swap_in.h - a touch of memory that was swapped out.
//
// Mirrors: do_swap_page, alloc_swap_folio and can_swapin_thp of mm/memory.c,
// Linux 6.18. The page is in the swap cache still or again (and comes whole with
// its folio where the entries fit); or its device is synchronous and nobody else
// has the entry, and a folio as large as the settings of now and the slots allow is
// read past the cache; or single pages are read ahead into the cache.
#pragma once

#include "quire/access.h"
#include "vm/address_space.h"

namespace quire::vm {

// The fault at `addr`, whose entry `pte` is one of swap. kMajor: a device was
// asked. kBus: it could not give what was stored; the entry stays, and
// System::swap_losses has a record. kOom: no frame.
[[nodiscard]] FaultResult do_swap_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte,
                                       AccessKind kind);

// The same of 2 MiB whose PMD entry is one of swap, as some policies have it: as one
// folio. Nothing: it has to be done page by page.
[[nodiscard]] std::optional<FaultResult> do_swap_pmd(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                                     AccessKind kind);

// MADV_WILLNEED: what is in swap is read into the cache, page by page.
void willneed_swapped(AddressSpace& mm, VirtRange range);

}  // namespace quire::vm
