#include "compress/page_source.h"

#include "base/check.h"

namespace quire::compress {

// The kernel asks for movable frames too: zsmalloc can move what is in them.
// Reclaim is not asked: it would swap out to who is asking (GFP_NOIO of zram, GFP_NOWAIT of zswap).
std::optional<Pfn> MachinePages::allocate() {
  return memory_.allocate(kOrder0, phys::MigrateType::kMovable, phys::Effort::kNone);
}

void MachinePages::free(Pfn pfn) { memory_.free(pfn, kOrder0); }

std::byte* MachinePages::bytes(Pfn pfn) {
  return memory_.contents() == phys::Contents::kKept ? memory_.bytes(pfn) : nullptr;
}

HeapPages::HeapPages(PageCount limit) : limit_(limit) {}

HeapPages::~HeapPages() = default;

std::optional<Pfn> HeapPages::allocate() {
  if (used() == limit_) return std::nullopt;
  if (free_.empty()) {
    free_.emplace_back(frames_.size());
    frames_.emplace_back();
  }
  const Pfn pfn = free_.back();
  free_.pop_back();
  frames_[pfn.raw()] = std::make_unique_for_overwrite<std::byte[]>(kPageSize);
  return pfn;
}

void HeapPages::free(Pfn pfn) {
  QUIRE_CHECK(pfn.raw() < frames_.size() && frames_[pfn.raw()] != nullptr);
  frames_[pfn.raw()].reset();
  free_.push_back(pfn);
}

std::byte* HeapPages::bytes(Pfn pfn) { return frames_[pfn.raw()].get(); }

PageCount HeapPages::used() const { return PageCount(frames_.size() - free_.size()); }

}  // namespace quire::compress
