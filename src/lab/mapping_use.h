// lab/mapping_use.h - what each mapping made of its memory at the moment when a
// recorded program had most: what is in large folios, what is not and why, and
// what nobody uses.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "lab/mapping_names.h"
#include "lab/replay.h"
#include "vm/not_huge.h"

namespace quire::lab {

// Anonymous and shared memory of one mapping. A page that several processes map
// counts for the one that was first.
struct MappingUse {
  std::string process;  // its command, as recorded
  trace::MmId space = 0;
  std::string name;
  VirtRange range;
  ByteCount resident{};
  ByteCount huge{};           // of it in folios of the largest size
  ByteCount never_touched{};  // came with a large folio, and nobody used it so far
  ByteCount stranded{};       // of large folios, unmapped here and mapped nowhere else
  ByteCount zero_filled{};    // nobody wrote to it: at least so much is zeroes
  std::array<ByteCount, static_cast<std::size_t>(vm::NotHuge::kOutsideFault) + 1> not_huge{};

  [[nodiscard]] ByteCount& why(vm::NotHuge reason) { return not_huge[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] ByteCount why(vm::NotHuge reason) const { return not_huge[static_cast<std::size_t>(reason)]; }
};

struct MemoryUse {
  Order largest;                     // the size that memory is held against
  std::vector<MappingUse> mappings;  // with memory in them, the most first
};

// As the machine is after so many events of the recording: ReplayResult's
// peak_event is the moment to ask for.
[[nodiscard]] Result<MemoryUse, Diagnostic> memory_use(trace::Reader& reader, const ReplayOptions& options,
                                                       std::uint64_t events);

}  // namespace quire::lab
