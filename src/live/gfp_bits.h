// live/gfp_bits.h - the allocation flags of the running kernel, by name.
//
// Their numbers change with the kernel's configuration, so they are read from
// its type information, where an enum names each bit.
#pragma once

#include <cstdint>
#include <span>

#include "quire/result.h"

struct btf;

namespace quire::live {

// The flags every anonymous huge fault asks with, whatever `defrag` says, and
// that together nobody else uses but shared memory and migration:
//   COMP        a folio, not loose pages      (not: page tables, pipes)
//   MOVABLE     user memory                   (not: slab, sockets, page tables)
//   NOMEMALLOC  leave the reserves alone      (not: the page cache)
inline constexpr const char* kThpGfpNames[] = {"COMP", "MOVABLE", "NOMEMALLOC"};

// The OR of the bits ___GFP_<name>_BIT. kPrivilege when the kernel's type
// information does not name one of them (before 6.9).
[[nodiscard]] Result<std::uint32_t, Diagnostic> gfp_bits(const btf& types,
                                                         std::span<const char* const> names);

// The value of any enumerator of the kernel, by its name.
[[nodiscard]] Result<std::uint32_t, Diagnostic> enumerator(const btf& types, const char* name);

}  // namespace quire::live
