// split/zeroes.h - whether the zero page could stand for a page.
//
// Mirrors: pages_identical with memcmp_pages of arm64, Linux 6.18.
#pragma once

#include <cstring>

#include "phys/memory.h"

namespace quire::split {

// Whether it holds nothing but zeroes. When contents are not kept: whether it was never
// touched. Where there are memory tags the zero page has some, and is like no other.
[[nodiscard]] inline bool holds_only_zeroes(const phys::PhysMemory& memory, Pfn page) {
  if (memory.tags() != nullptr) [[unlikely]]
    return false;
  if (memory.contents() == phys::Contents::kNone) return memory.frame(page).touched == 0;
  const std::byte* const bytes = memory.bytes(page);
  // Each byte is the one before it, and the first is zero.
  return bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, kPageSize - 1) == 0;
}

}  // namespace quire::split
