// vm/shrink.h - what becomes of folios that have to go.
//
// Mirrors: shrink_folio_list of mm/vmscan.c with swap_writeout of mm/page_io.c,
// Linux 6.18, for anonymous folios: dropped where MADV_FREE marked them, written to
// swap as they are, split where no device has room for them whole. Differs: a write
// is over when it returns.
#pragma once

#include <absl/functional/function_ref.h>

#include <vector>

#include "vm/address_space.h"

namespace quire::vm {

// What a folio's recent use says of it.
enum class Reference : std::uint8_t { kReclaim, kKeep, kActivate };
// Whoever wants what was asked for gone looks at no use.
[[nodiscard]] inline Reference ignore_references(Pfn /*head*/) { return Reference::kReclaim; }

// What came of a list. Each folio in it has the caller's reference still.
struct Shrunk {
  std::uint64_t scanned = 0;    // pages looked at
  std::uint64_t reclaimed = 0;  // pages freed
  std::vector<Pfn> keep;        // stay where they were
  std::vector<Pfn> activate;    // are in use, or cannot go
};

// Reclaims the folios, in this order. The caller holds a reference on each, taken
// from no list that reclaim looks at meanwhile. Pieces of a folio that had to be
// split come back as what became of each.
[[nodiscard]] Shrunk shrink_folio_list(System& system, const std::vector<Pfn>& folios,
                                       absl::FunctionRef<Reference(Pfn)> references = ignore_references);

}  // namespace quire::vm
