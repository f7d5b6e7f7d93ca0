// split/zeroes.h - whether a page holds nothing but zeroes.
#pragma once

#include <cstring>

#include "phys/memory.h"

namespace quire::split {

// When contents are not kept: whether it was never touched.
[[nodiscard]] inline bool holds_only_zeroes(const phys::PhysMemory& memory, Pfn page) {
  if (memory.contents() == phys::Contents::kNone) return memory.frame(page).touched == 0;
  const std::byte* const bytes = memory.bytes(page);
  // Each byte is the one before it, and the first is zero.
  return bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, kPageSize - 1) == 0;
}

}  // namespace quire::split
