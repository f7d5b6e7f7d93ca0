// vm/fork.h - the copy of an address space for a forked child.
//
// Mirrors: dup_mmap, copy_page_range, copy_huge_pmd, copy_present_ptes,
// Linux 6.18.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// Fills `child`, which is empty, with what `parent` has: mappings, and for
// those with anonymous pages the entries. Both sides then share every page
// read-only; no page is exclusive any more. kNoMem: the child holds a part
// and is to be destroyed; the parent is unharmed (its pages may be shared).
[[nodiscard]] Result<void, Errno> dup_mmap(AddressSpace& child, AddressSpace& parent);

}  // namespace quire::vm
