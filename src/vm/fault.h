// vm/fault.h - an access of a program, from hit to fault to page.
//
// Mirrors: the x86 fault handler's checks, handle_mm_fault,
// __handle_mm_fault, handle_pte_fault, Linux 6.18. A fault counts pgfault
// once, whatever it takes to serve it.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// Performs one access the way the hardware and the kernel together do: if the
// tables allow it, nothing happens but the accessed and dirty bits; otherwise
// one fault is served. Addresses below a growsdown mapping grow it.
[[nodiscard]] FaultResult access(AddressSpace& mm, VirtAddr addr, AccessKind kind);

// Serves the fault in a mapping already found and checked (get_user_pages).
[[nodiscard]] FaultResult handle_mm_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind);

// A read pin (FAULT_FLAG_UNSHARE): the page at `addr`, faulted in if need be,
// is the program's own afterwards, in place or as a copy; its entry does not
// become writable by that. kHit: it was already, or it belongs to a file or is
// a zero page.
[[nodiscard]] FaultResult unshare(AddressSpace& mm, VirtAddr addr);

// The program used the page at `addr`, if memory of its own is there.
void mark_accessed(AddressSpace& mm, VirtAddr addr, AccessKind kind);

// The frame behind `addr`, or an invalid one when nothing is mapped there.
[[nodiscard]] Pfn mapped_frame(AddressSpace& mm, VirtAddr addr);

// Whether a guard marker stands at `addr`.
[[nodiscard]] bool is_guarded(AddressSpace& mm, VirtAddr addr);

}  // namespace quire::vm
