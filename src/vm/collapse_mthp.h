// vm/collapse_mthp.h - khugepaged below 2 MiB: policies that collapse to every
// size.
//
// Mirrors: the series "khugepaged: mTHP support" (in review in 2026):
// mthp_collapse, which looks at a 2 MiB block once more for the sizes below
// when it cannot become one folio. Differs: the block is looked at again for
// each size, where the series keeps a map of what it saw.
#pragma once

#include "vm/collapse.h"

namespace quire::vm {

// The orders the policy lets khugepaged make of blocks of this mapping; 9
// alone where it says nothing.
[[nodiscard]] OrderSet collapse_orders(const AddressSpace& mm, const Vma& vma, policy::Caller caller);

// Like collapse_block, and when the block cannot be 2 MiB: the largest aligned
// pieces of it that can be, of the sizes in `orders`. Of a piece of order n at
// most max_ptes_none >> (9 - n) entries may be empty; none may be shared or
// neither empty nor present; what is one folio of that size already stays.
// kSucceed: at least one piece was collapsed.
[[nodiscard]] Collapse collapse_block_to(AddressSpace& mm, Vma& vma, VirtAddr block,
                                         const CollapseLimits& limits, OrderSet orders);

}  // namespace quire::vm
