// vm/unmap.h - taking a folio out of all programs that map it.
//
// Mirrors: try_to_unmap and try_to_unmap_one of mm/rmap.c, Linux 6.18, for anonymous folios.
#pragma once

#include "vm/address_space.h"

namespace quire::vm {

// Every entry of the folio, which is in the swap cache, comes to name its slot; a
// PMD entry is split first. False: some mapping keeps it, because it is locked or
// pinned; others may have let go.
[[nodiscard]] bool try_to_unmap(System& system, Pfn head);

// The same of a folio that MADV_FREE marked: its pages are given up. False: it was
// written to since, and is an ordinary folio again, or somebody holds it.
[[nodiscard]] bool try_to_discard(System& system, Pfn head);

}  // namespace quire::vm
