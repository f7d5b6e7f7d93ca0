// vm/huge_pmd.h - 2 MiB entries: making, write-protect faults, splitting.
//
// Mirrors: do_huge_pmd_anonymous_page, do_huge_pmd_wp_page,
// do_huge_zero_wp_pmd, __split_huge_pmd of mm/huge_memory.c, Linux 6.18.
// Differs: file-backed huge entries do not exist yet.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// A fault on an empty PMD of anonymous memory whose order 9 is allowed.
// kFallback: try smaller sizes.
[[nodiscard]] HugeFault do_huge_pmd_anonymous_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                                   AccessKind kind);

// A write to a huge entry that is not writable, or a read pin on one that
// others may share. kFallback: the entry was split, go on with the page's own
// entry. Policies with PMD copies get 2 MiB of their own instead.
[[nodiscard]] HugeFault do_huge_pmd_wp_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                            WpKind kind = WpKind::kWrite);

// Maps a fresh folio of 2 MiB at the empty PMD entry of `block`, its reverse map
// first: an entry never shows frames that no folio accounts for. The caller has
// deposited a table, and counts the pages of the address space.
void map_anon_pmd(AddressSpace& mm, Vma& vma, Entry& pmd, VirtAddr block, Pfn head, WpKind kind);

// Replaces the huge entry of the block at `block` by a table of 512 entries;
// the folio stays whole. Cannot fail: the table was deposited.
void split_huge_pmd(AddressSpace& mm, Vma& vma, Entry& pmd, VirtAddr block);

}  // namespace quire::vm
