#include "swap/indirection.h"

#include <bit>

#include "base/check.h"

namespace quire::swap {

namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

}  // namespace

// The header's slot and those behind the end are never free.
Indirection::Indirection(PageCount slots) : slots_(slots), taken_((slots.raw() + 63) / 64) {
  taken_[0] = 1;
  if (slots.raw() % 64 != 0) taken_.back() |= kAll << (slots.raw() % 64);
}

std::uint32_t Indirection::take_slot() {
  for (std::uint64_t looked = 0; looked <= taken_.size(); ++looked) {
    std::uint64_t& word = taken_[from_];
    if (word != kAll) {
      const auto bit = static_cast<unsigned>(std::countr_one(word));
      word |= std::uint64_t{1} << bit;
      return static_cast<std::uint32_t>(from_ * 64 + bit);
    }
    from_ = (from_ + 1) % taken_.size();
  }
  QUIRE_CHECK_MSG(false, "no slot is free");
  return 0;
}

std::uint32_t& Indirection::at(std::uint64_t entry) {
  const std::uint64_t cluster = entry / kClusterSlots;
  if (cluster >= tables_.size()) {
    tables_.resize(cluster + 1);
    mapped_.resize(cluster + 1);
  }
  if (!tables_[cluster]) tables_[cluster] = std::make_unique<Table>();
  return (*tables_[cluster])[entry % kClusterSlots];
}

void Indirection::map(std::uint64_t first, PageCount count) {
  for (std::uint64_t entry = first; entry < first + count.raw(); ++entry) {
    std::uint32_t& slot = at(entry);
    QUIRE_CHECK_EQ(slot, 0U);
    slot = take_slot();
    ++mapped_[entry / kClusterSlots];
  }
}

void Indirection::unmap(std::uint64_t first, PageCount count) {
  for (std::uint64_t entry = first; entry < first + count.raw(); ++entry) {
    std::uint32_t& slot = at(entry);
    QUIRE_CHECK_NE(slot, 0U);
    taken_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    slot = 0;
    if (--mapped_[entry / kClusterSlots] == 0) tables_[entry / kClusterSlots].reset();
  }
}

std::uint64_t Indirection::slot_of(std::uint64_t entry) const {
  const std::uint64_t slot = (*tables_[entry / kClusterSlots])[entry % kClusterSlots];
  QUIRE_DCHECK(slot != 0);
  return slot;
}

std::size_t Indirection::bytes() const {
  std::size_t bytes =
      taken_.size() * sizeof(taken_[0]) + tables_.size() * (sizeof(void*) + sizeof(mapped_[0]));
  for (const auto& table : tables_) bytes += table ? sizeof(Table) : 0;
  return bytes;
}

void Indirection::check_invariants(base::InvariantReport& out) const {
  std::vector<std::uint8_t> behind(slots_.raw(), 0);
  for (std::size_t cluster = 0; cluster < tables_.size(); ++cluster) {
    std::uint32_t mapped = 0;
    for (std::uint32_t at = 0; tables_[cluster] && at < kClusterSlots; ++at) {
      const std::uint32_t slot = (*tables_[cluster])[at];
      if (slot == 0) continue;
      ++mapped;
      if (behind[slot]++ != 0) out.broken("I-SWAP-8", "slot {} is behind two entries", slot);
    }
    if (mapped != mapped_[cluster])
      out.broken("I-SWAP-8", "cluster {} has {} entries, {} counted", cluster, mapped, mapped_[cluster]);
  }
  for (std::uint64_t slot = 1; slot < slots_.raw(); ++slot)
    if ((behind[slot] != 0) != ((taken_[slot / 64] >> (slot % 64) & 1) != 0))
      out.broken("I-SWAP-8", "slot {} is behind {} entries", slot, behind[slot]);
}

}  // namespace quire::swap
