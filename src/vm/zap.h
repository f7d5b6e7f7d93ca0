// vm/zap.h - taking pages out of an address space.
//
// Mirrors: unmap_page_range, zap_huge_pmd, zap_present_folio_ptes, the
// PTE-table reclaim of mm/pt_reclaim.c, Linux 6.18.
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

// Whether an emptied PTE table is given back at once. The kernel does so for
// MADV_DONTNEED of a whole 2 MiB range; munmap and exit free tables another
// way (PageTable::free_range).
enum class Tables : std::uint8_t { kKeep, kFreeEmptied };

// Whether guard markers go too: munmap and exit take them, advice leaves them.
enum class Markers : std::uint8_t { kKeep, kDrop };

// Removes every entry of `range`, a page-aligned part of `vma`. A huge PMD
// that is only partly covered is split first.
void zap_range(AddressSpace& mm, Vma& vma, VirtRange range, Tables tables, Markers markers);

// The same for entries of swap only: those from `pte` on, at most `limit`, that
// name slots in a row. Returns how many.
std::uint32_t zap_swap(AddressSpace& mm, Entry* pte, std::uint32_t limit);

}  // namespace quire::vm
