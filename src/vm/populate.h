// vm/populate.h - touching pages on the program's behalf.
//
// Mirrors: populate_vma_page_range, faultin_page_range, __mm_populate,
// Linux 6.18. Each page that needs a fault takes one; the kernel counts them
// to the calling task like the program's own.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// One page as get_user_pages sees it: nothing to do, or one fault.
[[nodiscard]] FaultResult fault_in(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind);

// The page at `addr`, which must be mapped writable, counts as written although
// nobody wrote (FOLL_TOUCH with FOLL_WRITE: follow_page_pte, touch_pmd).
void touch_written(AddressSpace& mm, VirtAddr addr);

// What one populate call did.
struct Populated {
  std::uint64_t faults = 0;
};

// MAP_POPULATE, mlockall, growing a locked mapping: touches the mapped parts
// of `range`, writing where the mapping allows private writes. A mapping
// whose pages cannot be had is passed over.
Populated mm_populate(AddressSpace& mm, VirtRange range);

// The same for mlock, which says what went wrong: kNoMem for memory that
// allows no access, kAgain when no frame is left.
[[nodiscard]] Result<Populated, Errno> mlock_populate(AddressSpace& mm, VirtRange range);

// MADV_POPULATE_READ / _WRITE and get_user_pages: every page of `range` is
// made accessible that way. kNoMem: not mapped, or no frame left. kInval: the mapping
// forbids the access. kFault: the page cannot be had.
[[nodiscard]] Result<Populated, Errno> faultin_page_range(AddressSpace& mm, VirtRange range, AccessKind kind);

}  // namespace quire::vm
