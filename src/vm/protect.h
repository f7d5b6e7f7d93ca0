// vm/protect.h - changing the protection of present entries.
//
// Mirrors: change_protection, change_huge_pmd, can_change_private_pte_writable,
// Linux 6.18.
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

// Gives every entry of `range` the protection of `vma`, which covers it and
// already has its new flags. Pages that are exclusive become writable at once
// where the mapping allows; others wait for a write fault.
void change_protection(AddressSpace& mm, Vma& vma, VirtRange range);

}  // namespace quire::vm
