// phys/reserved_memory.h - address space reserved from the host, filled with
// zeroes on first touch: what the simulated RAM and its descriptors lie in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quire/types.h"

namespace quire::phys {

// Which pages of the host hold the memory, where the host has a choice. Huge
// ones make it faster to walk through; small ones cost nothing for what lies
// between two bytes in use.
enum class HostPages : std::uint8_t { kSmall, kHuge };

// Owns one private anonymous mapping without a commit charge. A byte that was
// never touched costs nothing and reads as zero.
class ReservedMemory {
 public:
  ReservedMemory() = default;
  // Reserves `size` bytes. data() is null when the host refuses.
  ReservedMemory(ByteCount size, HostPages pages);
  ReservedMemory(ReservedMemory&& other) noexcept;
  ReservedMemory& operator=(ReservedMemory&& other) noexcept;
  ~ReservedMemory();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] ByteCount size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  ByteCount size_;
};

}  // namespace quire::phys
