// split/zeroes.h - whether a page holds nothing but zeroes.
#pragma once

#include <algorithm>

#include "phys/memory.h"

namespace quire::split {

// When contents are not kept: whether it was never touched.
[[nodiscard]] inline bool holds_only_zeroes(const phys::PhysMemory& memory, Pfn page) {
  if (memory.contents() == phys::Contents::kNone) return memory.frame(page).touched == 0;
  const std::byte* const bytes = memory.bytes(page);
  return std::all_of(bytes, bytes + kPageSize, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace quire::split
