#include "swap/slot_counts.h"

#include "base/check.h"

namespace quire::swap {

namespace {

std::uint32_t offset_of(std::uint64_t slot) { return static_cast<std::uint32_t>(slot % kClusterSlots); }

}  // namespace

std::uint32_t SlotCounts::of(const SlotTable& table, std::uint64_t slot) const {
  const std::uint8_t count = table.count(offset_of(slot));
  if (count == SlotTable::kBad) return 0;
  return count == SlotTable::kMany ? beyond_.at(slot) : count;
}

std::uint32_t SlotCounts::add(SlotTable& table, std::uint64_t slot) {
  const std::uint8_t count = table.count(offset_of(slot));
  QUIRE_CHECK_NE(count, SlotTable::kBad);
  if (count == SlotTable::kMany) return ++beyond_.at(slot);
  table.set_count(offset_of(slot), static_cast<std::uint8_t>(count + 1));
  if (count + 1 == SlotTable::kMany) beyond_.emplace(slot, SlotTable::kMany);
  return count + 1U;
}

std::uint32_t SlotCounts::drop(SlotTable& table, std::uint64_t slot) {
  const std::uint8_t count = table.count(offset_of(slot));
  QUIRE_CHECK(count != 0 && count != SlotTable::kBad);
  if (count == SlotTable::kMany) {
    const std::uint32_t left = --beyond_.at(slot);
    if (left >= SlotTable::kMany) return left;
    beyond_.erase(slot);
  }
  table.set_count(offset_of(slot), static_cast<std::uint8_t>(count - 1));
  return count - 1U;
}

}  // namespace quire::swap
