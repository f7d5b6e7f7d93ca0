#include "phys/reserved_memory.h"

#include <sys/mman.h>

#include <utility>

namespace quire::phys {

ReservedMemory::ReservedMemory(ByteCount size, HostPages pages) {
  void* p =
      ::mmap(nullptr, size.raw(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return;
  // Advice only: a host without transparent huge pages has small ones.
  ::madvise(p, size.raw(), pages == HostPages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  data_ = static_cast<std::byte*>(p);
  size_ = size;
}

ReservedMemory::ReservedMemory(ReservedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, ByteCount())) {}

ReservedMemory& ReservedMemory::operator=(ReservedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_.raw());
}

}  // namespace quire::phys
