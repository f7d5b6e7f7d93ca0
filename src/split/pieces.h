// split/pieces.h - which folios a folio is split into.
//
// Mirrors: the order loop of __split_unmapped_folio, Linux 6.18, for
// anonymous folios, which are never of order 1.
#pragma once

#include <vector>

#include "vm/system.h"

namespace quire::split {

// The orders of the pieces in order of address. `request.to` is smaller than
// `from` and not 1.
[[nodiscard]] std::vector<Order> pieces_of(Order from, const vm::SplitRequest& request);

}  // namespace quire::split
