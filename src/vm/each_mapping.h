// vm/each_mapping.h - goes through the mappings of a range.
#pragma once

#include <algorithm>

#include "vm/address_space.h"

namespace quire::vm {

// Whether mappings cover all of a range.
enum class Coverage : std::uint8_t { kWhole, kHoles };

// Calls fn(Vma&, its part of `range`) for each mapping, in order of address,
// until one returns an error. fn may split and merge the mapping it is given.
template <typename Fn>
Result<Coverage, Errno> each_mapping(AddressSpace& mm, VirtRange range, Fn fn) {
  Coverage coverage = Coverage::kWhole;
  VirtAddr at = range.begin;
  while (at < range.end) {
    Vma* const vma = mm.mappings().find_first_from(at);
    if (vma == nullptr || vma->begin() >= range.end) return Coverage::kHoles;
    if (vma->begin() > at) coverage = Coverage::kHoles;
    const VirtRange part{std::max(at, vma->begin()), std::min(vma->end(), range.end)};
    QUIRE_TRY(fn(*vma, part));
    at = part.end;
  }
  return coverage;
}

}  // namespace quire::vm
