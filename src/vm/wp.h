// vm/wp.h - a write to a page whose entry does not allow it: reuse or copy.
//
// Mirrors: do_wp_page, wp_can_reuse_anon_folio,
// __wp_can_reuse_large_anon_folio, wp_page_copy, Linux 6.18.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// `pte` is present and not writable; for kWrite the mapping allows writing.
// Afterwards the page is the program's own: in place, or copied, to a 4 KiB
// folio unless the policy says otherwise. kUnshare never makes it writable.
[[nodiscard]] FaultResult do_wp_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte,
                                     WpKind kind = WpKind::kWrite);

}  // namespace quire::vm
