// phys/host_memory.h - host memory that machines hand on to each other.
#pragma once

#include <cstdint>
#include <vector>

#include "phys/reserved_memory.h"

namespace quire::phys {

// When the host gives pages to fresh memory. Memory that is filled at once is
// not there in forked processes, which would make each page be copied.
enum class HostFill : std::uint8_t { kOnTouch, kAtOnce };

// HostMemory keeps what machines that are gone had reserved, for the next one of
// the same size: the host has filled it with pages already. Such memory holds
// old bytes.
class HostMemory {
 public:
  explicit HostMemory(HostFill fill = HostFill::kOnTouch) : fill_(fill) {}
  // Fresh memory when none of that size is kept.
  [[nodiscard]] ReservedMemory take(ByteCount size, HostPages pages);
  void give_back(ReservedMemory memory) { kept_.push_back(std::move(memory)); }

 private:
  HostFill fill_;
  std::vector<ReservedMemory> kept_;
};

}  // namespace quire::phys
