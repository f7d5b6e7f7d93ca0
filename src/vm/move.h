// vm/move.h - moving entries to other addresses.
//
// Mirrors: move_page_tables, move_huge_pmd, move_normal_pmd, move_ptes,
// Linux 6.18. Differs: whole PUDs are moved PMD by PMD.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// Moves what is mapped in `from` to the addresses from `to` on. Where both
// sides are aligned to 2 MiB a whole table or huge entry moves at once; a
// huge entry that cannot is split. Folios are never split. `source` covers
// `from`. kNoMem: entries up to some address have moved, the rest has not;
// call again the other way round to undo.
[[nodiscard]] Result<void, Errno> move_page_tables(AddressSpace& mm, Vma& source, VirtRange from,
                                                   VirtAddr to);

}  // namespace quire::vm
