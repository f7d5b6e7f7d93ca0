#include "phys/host_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace quire::phys {
namespace {
constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE; a host without it fills on touch
}

ReservedMemory HostMemory::take(ByteCount size, HostPages pages) {
  const auto found = std::ranges::find(kept_, size, &ReservedMemory::size);
  if (found == kept_.end()) {
    ReservedMemory fresh(size, pages);
    if (fill_ == HostFill::kAtOnce && fresh.data() != nullptr) {
      ::madvise(fresh.data(), size.raw(), MADV_DONTFORK);
      ::madvise(fresh.data(), size.raw(), kPopulateWrite);
    }
    return fresh;
  }
  ReservedMemory memory = std::move(*found);
  kept_.erase(found);
  return memory;
}

}  // namespace quire::phys
