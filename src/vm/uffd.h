// vm/uffd.h - userfaultfd: a program serves the faults of its own memory.
//
// Mirrors: UFFDIO_REGISTER (missing mode), UFFDIO_UNREGISTER, UFFDIO_COPY and
// UFFDIO_ZEROPAGE of Linux 6.18, with UFFD_FEATURE_SIGBUS: the touch of a missing
// page is SIGBUS, nobody waits. Differs: one userfaultfd for each address space;
// no write-protect and no minor mode; anonymous memory only.
#pragma once

#include <cstddef>
#include <span>

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// kInval: an unaligned or empty range, nothing mapped there, or not anonymous.
[[nodiscard]] Result<void, Errno> uffd_register(AddressSpace& mm, VirtRange range);
[[nodiscard]] Result<void, Errno> uffd_unregister(AddressSpace& mm, VirtRange range);

// A page of these bytes, or of zeroes, where nothing is. kNoEnt: not registered
// there; kExist: something is there; kNoMem.
[[nodiscard]] Result<void, Errno> uffd_copy(AddressSpace& mm, VirtAddr page,
                                            std::span<const std::byte, kPageSize> bytes);
[[nodiscard]] Result<void, Errno> uffd_zeropage(AddressSpace& mm, VirtAddr page);

}  // namespace quire::vm
