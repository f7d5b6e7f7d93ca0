// vm/large_copy.h - writes that get a large folio where Linux 6.18 would copy
// 4 KiB: named policies only.
//
// Mirrors: the proposals of 2023 that were left out of mainline (Ryan Roberts'
// RFC: expand a zero page, copy large on write) and what OPPO's kernels count
// as thp_cow; for zero folios, OPPO's 64 KiB zero page. The orders come from
// the policy; the tests for fit are those of a fault.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// Maps the block of 64 KiB round `addr` to the zero folio. False: it does not
// fit, something stands in it, or the mapping may not have that size.
[[nodiscard]] bool map_zero_folio(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd);

// A write to a zero page: puts a large folio in place of a block of zero
// pages and empty entries. False: no size was possible or to be had.
[[nodiscard]] bool expand_zero_pages(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd);

// A write (or a read pin) on a page of a shared large folio: copies the
// largest block round it that is all of that folio. False: no size was
// possible or to be had.
[[nodiscard]] bool copy_large(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd, WpKind kind);

}  // namespace quire::vm
