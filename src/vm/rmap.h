// vm/rmap.h - a mapping maps and lets go of anonymous pages: the folio's counts,
// and whether it is locked into memory.
//
// Mirrors: folio_add_new_anon_rmap with folio_add_lru_vma, folio_add_anon_rmap_ptes,
// folio_remove_rmap_ptes and _pmd, with the mlock_vma_folio and munlock_vma_folio
// in them; mm/rmap.c, mm/mlock.c, Linux 6.18. References and entries are the
// caller's. As in Linux a folio may end up unlocked though a locked mapping still
// shows it (a part of it went), or locked though none does (MREMAP_DONTUNMAP).
// Pages that a mapping with memory tags takes have tags afterwards (vm/tags.h).
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

// The first map of a fresh folio, whose first page stands at `addr`.
void add_new_anon_rmap(AddressSpace& mm, const Vma& vma, Pfn head, VirtAddr addr, folio::MappedBy by);
// The same of a folio that came back from swap: Linux forgets to lock it
// (do_swap_page and unuse_pte do without folio_add_lru_vma), until reclaim meets it.
void add_swapped_in_anon_rmap(AddressSpace& mm, const Vma& vma, Pfn head, VirtAddr addr, folio::MappedBy by);
// The same of one of `n` pages that is not this program's alone: it belongs to the
// root of the anon_vmas.
void add_swapped_in_shared_anon_rmap(AddressSpace& mm, const Vma& vma, Pfn head, VirtAddr addr,
                                     std::uint32_t n);
// `n` more entries for the pages from `page` on. Only a small folio is locked by that.
void add_anon_rmap_ptes(AddressSpace& mm, const Vma& vma, Pfn page, std::uint32_t n,
                        folio::Exclusive exclusive);
// A locked mapping that lets go of any page of a folio unlocks it.
void remove_rmap_ptes(AddressSpace& mm, const Vma& vma, Pfn page, std::uint32_t n);
void remove_rmap_pmd(AddressSpace& mm, const Vma& vma, Pfn head);

// The mapping was locked or unlocked in `part`, and its flags say which: so are
// the folios there; of large ones, only those it shows whole are locked.
void mlock_pages_range(AddressSpace& mm, const Vma& vma, VirtRange part);

}  // namespace quire::vm
