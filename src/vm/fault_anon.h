// vm/fault_anon.h - the first touch of anonymous memory, below 2 MiB.
//
// Mirrors: do_anonymous_page, alloc_anon_folio, thp_vma_suitable_orders,
// Linux 6.18.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// A fault on an empty PTE of anonymous memory. A read maps the zero page; a
// write gets the largest folio the policy allows whose aligned block lies in
// the mapping and is completely empty, then smaller ones as frames run out.
[[nodiscard]] FaultResult do_anonymous_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                            AccessKind kind);

}  // namespace quire::vm
