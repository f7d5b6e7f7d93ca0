// vm/fault_anon.h - the first touch of anonymous memory, below 2 MiB.
//
// Mirrors: do_anonymous_page, alloc_anon_folio, thp_vma_suitable_orders,
// Linux 6.18; and what anon_beside_full does in builds of it that have the file.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// A fault on an empty PTE of anonymous memory. A read maps the zero page; a
// write gets the largest folio the policy allows whose aligned block lies in
// the mapping and is completely empty, then smaller ones as frames run out.
[[nodiscard]] FaultResult do_anonymous_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                            AccessKind kind);

// --- The parts of it, for other faults that make large folios ---

struct FreshFolio {
  Pfn head;
  Order order;
};

// Whether nothing stands in the `n` entries from `first` on.
[[nodiscard]] bool all_none(const Entry* first, std::uint64_t n);

// Whether one of the two blocks of this order beside that of `addr`, in its table and its mapping, has no
// empty entry.
[[nodiscard]] bool is_beside_full(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry pmd, Order order);

// The orders of `orders` that may be tried at `addr`: from the largest whose block lies in the mapping down.
[[nodiscard]] OrderSet fitting_orders(const Vma& vma, VirtAddr addr, OrderSet orders);

// What the policy allows a fault in the mapping now, wherever it is.
[[nodiscard]] OrderSet allowed_fault_orders(const AddressSpace& mm, const Vma& vma);

// What the policy allows a fault at `addr` below 2 MiB, as far as it fits.
[[nodiscard]] OrderSet fault_orders(AddressSpace& mm, const Vma& vma, VirtAddr addr);

// Maps a fresh folio, of which the caller has the one reference, over the block round `addr`, whose entries
// are none. The caller counts the pages of the address space.
void map_anon_ptes(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd, FreshFolio fresh, WpKind kind);

}  // namespace quire::vm
