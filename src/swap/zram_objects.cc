// Where what was packed goes: slots, units, the pool; and how it leaves.
#include <bit>
#include <cstring>

#include "base/check.h"
#include "swap/zram_state.h"

namespace quire::swap {

using compress::ZsHandle;

void Zram::State::empty(std::uint64_t slot) {
  ZramSlot& s = slots[slot];
  if (!s.allocated()) return;
  if (s.is(ZramSlot::kInUnit)) {
    leave_unit(slot);
  } else if (s.is(ZramSlot::kBacked)) {
    blocks.give_back(s.element);
  } else if (s.is(ZramSlot::kSame)) {
    --stats.same_pages;
  } else {
    pool->free(ZsHandle(s.element));
    stats.compr_data_size -= ByteCount(s.size);
    if (s.is(ZramSlot::kHuge)) --stats.huge_pages;
  }
  --pages_stored;
  s = {};
}

void Zram::State::empty_all(const Piece& piece) {
  for (std::uint64_t n = 0; n < piece.pages.raw(); ++n) empty(piece.slot + n);
}

// The object stays as long as one page of it is wanted: what the others took is dead.
void Zram::State::leave_unit(std::uint64_t slot) {
  ZramUnit& unit = units[unit_of(slot)];
  unit_stats.dead_bytes -= dead_bytes(unit);
  unit.live = static_cast<std::uint16_t>(unit.live & ~(1U << slot % unit_pages()));
  if (unit.live != 0) {
    ++unit_stats.partial_frees;
    unit_stats.dead_bytes += dead_bytes(unit);
    return;
  }
  pool->free(ZsHandle(unit.handle));
  stats.compr_data_size -= ByteCount(unit.size);
  if (unit.size == options.unit.raw()) stats.huge_pages -= unit_pages();
  --unit_stats.units;
  unit = {};
}

ByteCount Zram::State::dead_bytes(const ZramUnit& unit) const {
  const auto dead = unit_pages() - static_cast<std::uint64_t>(std::popcount(unit.live));
  return ByteCount(unit.size * dead / unit_pages());
}

// What the pool grew to counts for the maximum, whether or not that is too much
// (zram_can_store_page).
Result<ZsHandle, IoError> Zram::State::make_object(const Packed& packed) {
  const Result<ZsHandle, compress::ZsError> handle = pool->allocate(packed.size);
  if (!handle) return fail(IoError::kFull);
  max_used = std::max(max_used, pool->total_pages());
  if (options.mem_limit != ByteCount() && pool->total_pages().bytes() > options.mem_limit) {
    pool->free(*handle);
    return fail(IoError::kFull);
  }
  if (!packed.bytes.empty()) pool->write(*handle, packed.bytes);
  return *handle;
}

// Room for the new object is found before the old one goes.
Result<void, IoError> Zram::State::store(const Piece& piece, const Packed& packed) {
  if (packed.kind == Packed::Kind::kSame) {
    empty_all(piece);
    for (std::uint64_t n = 0; n < piece.pages.raw(); ++n)
      slots[piece.slot + n] = {.element = packed.word, .size = 0, .flags = ZramSlot::kSame};
    stats.same_pages += piece.pages.raw();
    pages_stored += piece.pages.raw();
    return {};
  }
  const Result<ZsHandle, IoError> handle = make_object(packed);
  if (!handle) {
    ++stats.failed_writes;
    return fail(handle.error());
  }
  empty_all(piece);
  if (packed.kind == Packed::Kind::kWhole) {
    stats.huge_pages += piece.pages.raw();
    stats.huge_pages_since += piece.pages.raw();
  }
  stats.compr_data_size += packed.size;
  pages_stored += piece.pages.raw();
  if (piece.pages == PageCount(1))
    store_page(piece.slot, packed, *handle);
  else
    store_unit(piece.slot, packed, *handle);
  return {};
}

void Zram::State::store_page(std::uint64_t slot, const Packed& packed, ZsHandle handle) {
  const bool huge = packed.kind == Packed::Kind::kWhole;
  slots[slot] = {.element = handle.raw(),
                 .size = static_cast<std::uint32_t>(packed.size.raw()),
                 .flags = huge ? ZramSlot::kHuge : std::uint16_t{0}};
  if (unit_pages() > 1) ++unit_stats.pieces_since;
}

void Zram::State::store_unit(std::uint64_t slot, const Packed& packed, ZsHandle handle) {
  const std::uint16_t huge = packed.kind == Packed::Kind::kWhole ? ZramSlot::kHuge : std::uint16_t{0};
  for (std::uint64_t n = 0; n < unit_pages(); ++n)
    slots[slot + n] = {
        .element = 0, .size = 0, .flags = static_cast<std::uint16_t>(ZramSlot::kInUnit | huge)};
  units[unit_of(slot)] = {.handle = handle.raw(),
                          .size = static_cast<std::uint32_t>(packed.size.raw()),
                          .live = static_cast<std::uint16_t>((1U << unit_pages()) - 1)};
  ++unit_stats.units;
  ++unit_stats.units_since;
}

bool Zram::damage(std::uint64_t slot) {
  State& s = *state_;
  if (!s.inside(slot, PageCount(1))) return false;
  const ZramSlot& of = s.slots[slot];
  if (of.is(ZramSlot::kBacked | ZramSlot::kSame | ZramSlot::kHuge) || !of.allocated()) return false;
  const ZramObject object = s.object_of(slot);
  if (object.size >= s.options.unit.raw()) return false;
  s.pool->write(ZsHandle(object.handle), std::vector(object.size, std::byte{0xff}));
  return true;
}

ZramObject Zram::State::object_of(std::uint64_t slot) const {
  const ZramSlot& s = slots[slot];
  if (!s.is(ZramSlot::kInUnit)) return {s.element, s.size};
  const ZramUnit& unit = units[unit_of(slot)];
  return {unit.handle, unit.size};
}

std::span<const std::byte> Zram::State::bytes_of(std::uint64_t handle, std::uint32_t size) {
  return pool->read(ZsHandle(handle), ByteCount(size), scratch);
}

}  // namespace quire::swap
