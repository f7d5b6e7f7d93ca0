#include "swap/saved_tags.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace quire::swap {
namespace {

using phys::TagMemory;

constexpr unsigned kParts = kPageSize / TagMemory::kBytes;
static_assert(kParts == 32, "the parts of a frame are the bits of a word");

}  // namespace

SavedTags::~SavedTags() {
  for (const auto& [frame, parts] : used_) memory_.free(frame, kOrder0);
}

bool SavedTags::save(SwapEntry first, Pfn head, PageCount n) {
  for (PageCount i; i < n; i += PageCount(1)) {
    if (save_page(first + i, head + i)) continue;
    forget(first, i);
    return false;
  }
  return true;
}

bool SavedTags::save_page(SwapEntry entry, Pfn page) {
  const TagMemory& tags = *memory_.tags();
  if (!tags.tagged(page) || (loses_ && loses_(entry))) return true;
  const std::optional<Part> part = take_part();
  if (!part) return false;
  std::memcpy(bytes(*part), tags.bytes(page), TagMemory::kBytes);
  const auto [at, fresh] = of_slot_.try_emplace(key(entry), *part);
  if (!fresh) {
    give_back(at->second);
    at->second = *part;
  }
  return true;
}

void SavedTags::restore(SwapEntry first, Pfn head, PageCount n) const {
  for (PageCount i; i < n; i += PageCount(1)) {
    const auto found = of_slot_.find(key(first + i));
    if (found != of_slot_.end()) memory_.tags()->restore(head + i, bytes(found->second));
  }
}

void SavedTags::forget(SwapEntry first, PageCount n) {
  for (PageCount i; i < n; i += PageCount(1)) {
    const auto found = of_slot_.find(key(first + i));
    if (found == of_slot_.end()) continue;
    give_back(found->second);
    of_slot_.erase(found);
  }
}

// Whoever swaps out is not made to reclaim once more: it takes what is there.
std::optional<SavedTags::Part> SavedTags::take_part() {
  if (with_room_.empty()) {
    const auto fresh = memory_.allocate(kOrder0, phys::MigrateType::kUnmovable, phys::Effort::kNone);
    if (!fresh) return std::nullopt;
    used_.emplace(*fresh, 0U);
    with_room_.insert(*fresh);
  }
  const Pfn frame = *with_room_.begin();
  std::uint32_t& parts = used_.at(frame);
  const auto number = static_cast<unsigned>(std::countr_one(parts));
  parts |= 1U << number;
  if (std::popcount(parts) == kParts) with_room_.erase(frame);
  return Part{frame, number};
}

void SavedTags::give_back(Part part) {
  std::uint32_t& parts = used_.at(part.frame);
  QUIRE_CHECK((parts & (1U << part.number)) != 0);
  parts &= ~(1U << part.number);
  with_room_.insert(part.frame);
  if (parts != 0) return;
  with_room_.erase(part.frame);
  used_.erase(part.frame);
  memory_.free(part.frame, kOrder0);
}

std::byte* SavedTags::bytes(Part part) const {
  return memory_.bytes(part.frame) + part.number * TagMemory::kBytes;
}

void SavedTags::check_invariants(const std::function<bool(SwapEntry)>& in_use,
                                 base::InvariantReport& out) const {
  constexpr std::uint64_t kSlotBits = (1ULL << 56) - 1;
  for (const auto& [slot, part] : of_slot_)
    if (!in_use(SwapEntry(static_cast<std::uint8_t>(slot >> 56), slot & kSlotBits)))
      out.broken("I-MTE-2", "tags are saved for slot {} of device {}, which is free", slot & kSlotBits,
                 slot >> 56);
  std::uint64_t parts = 0;
  for (const auto& [frame, used] : used_) {
    parts += static_cast<std::uint64_t>(std::popcount(used));
    if (used == 0) out.broken("I-MTE-3", "frame {} keeps no tags", frame.raw());
  }
  if (parts != of_slot_.size())
    out.broken("I-MTE-3", "{} pages have tags saved, in {} parts of frames", of_slot_.size(), parts);
}

}  // namespace quire::swap
