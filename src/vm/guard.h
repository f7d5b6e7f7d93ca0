// vm/guard.h - guard regions: ranges of a mapping that must not be touched.
//
// Mirrors: madvise_guard_install, madvise_guard_remove, Linux 6.18. A marker
// takes the place of an entry, so that a guard costs no mapping of its own.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// MADV_GUARD_INSTALL for `range`, a part of `vma`: what is mapped there goes
// and every page gets a marker. Markers are kept by MADV_DONTNEED, copied by
// fork, moved by mremap; a block with one in it is not empty, so that no
// large folio is put round it. kInval: special or locked memory. kNoMem: no
// frame for a table; markers up to some address are there.
[[nodiscard]] Result<void, Errno> guard_install(AddressSpace& mm, Vma& vma, VirtRange range);

// MADV_GUARD_REMOVE: takes markers away, leaves pages alone. kInval: special
// memory; locked memory is fine.
[[nodiscard]] Result<void, Errno> guard_remove(AddressSpace& mm, const Vma& vma, VirtRange range);

}  // namespace quire::vm
