// vm/pin.h - pins: pages that a device may read or write at any time.
//
// Mirrors: pin_user_pages with FOLL_WRITE | FOLL_LONGTERM (io_uring's registered
// buffers) and without either (process_vm_readv), Linux 6.18. Differs: no page
// has to be moved out of the way first, because no memory here is movable only.
#pragma once

#include <span>
#include <vector>

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// Pins every page of the range, which must be whole pages, for writing: each
// becomes the program's own first, and from the first that is not so already on
// counts as written. kFault where one cannot be written to, kNoMem: then none is
// pinned, but those before it still count.
[[nodiscard]] Result<std::vector<Pfn>, Errno> pin_longterm(AddressSpace& mm, VirtRange range);
void unpin(System& system, std::span<const Pfn> pages);

// Pins each page for reading and lets go of it at once. A page that others may
// share is unshared: read without ever being copied later.
[[nodiscard]] Result<void, Errno> pin_to_read(AddressSpace& mm, VirtRange range);

// Whether fork must copy the pages of this folio at once, if they are exclusive
// (the kernel's folio_needs_cow_for_dma).
[[nodiscard]] bool needs_cow_for_dma(const AddressSpace& mm, Pfn head);

}  // namespace quire::vm
