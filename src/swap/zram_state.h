// swap/zram_state.h - the inside of a Zram: the table of slots and that of
// units. For the sources of Zram only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "swap/backing_blocks.h"
#include "swap/packer.h"
#include "swap/zram.h"

namespace quire::swap {

// One slot (struct zram_table_entry).
struct ZramSlot {
  static constexpr std::uint16_t kSame = 1, kHuge = 2, kBacked = 4, kIdle = 8, kInUnit = 16;

  std::uint64_t element = 0;  // handle, word, or block of the backing device
  std::uint32_t size = 0;     // of the object
  std::uint16_t flags = 0;

  [[nodiscard]] bool is(std::uint16_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] bool allocated() const { return size != 0 || is(kSame | kBacked | kInUnit); }
  void mark(std::uint16_t flag) { flags = static_cast<std::uint16_t>(flags | flag); }
  void unmark(std::uint16_t flag) { flags = static_cast<std::uint16_t>(flags & ~flag); }
};
static_assert(sizeof(ZramSlot) == 16);

// The object of several aligned slots.
struct ZramUnit {
  std::uint64_t handle = 0;
  std::uint32_t size = 0;
  std::uint16_t live = 0;  // a bit for each slot that lies in it; none: there is no object

  [[nodiscard]] bool holds(std::uint64_t page) const {
    return ((static_cast<unsigned>(live) >> page) & 1U) != 0;
  }
};

// Where an object lies in the pool.
struct ZramObject {
  std::uint64_t handle = 0;
  std::uint32_t size = 0;
};

struct Zram::State {
  State(compress::PageSource& from, const ZramOptions& with) : source(from), options(with) {}

  // --- Setting up (zram.cc) ---
  [[nodiscard]] Result<void, Diagnostic> take_size(ByteCount size);
  [[nodiscard]] PackerOptions packer_options(const compress::ZsPool& of) const;
  [[nodiscard]] bool inside(std::uint64_t slot, PageCount count) const;

  // --- Objects (zram_objects.cc) ---
  [[nodiscard]] std::uint64_t unit_pages() const { return options.unit.raw() / kPageSize; }
  [[nodiscard]] std::uint64_t unit_of(std::uint64_t slot) const { return slot / unit_pages(); }
  // Empties a slot (zram_free_page).
  void empty(std::uint64_t slot);
  void empty_all(const Piece& piece);
  void leave_unit(std::uint64_t slot);
  // Puts what was packed where it belongs; kFull: there is no room for it.
  [[nodiscard]] Result<void, IoError> store(const Piece& piece, const Packed& packed);
  [[nodiscard]] Result<compress::ZsHandle, IoError> make_object(const Packed& packed);
  void store_page(std::uint64_t slot, const Packed& packed, compress::ZsHandle handle);
  void store_unit(std::uint64_t slot, const Packed& packed, compress::ZsHandle handle);
  [[nodiscard]] ByteCount dead_bytes(const ZramUnit& unit) const;
  // The object that the page of this slot lies in, alone or with its unit; there must be one.
  [[nodiscard]] ZramObject object_of(std::uint64_t slot) const;
  // An object's bytes, good until the pool is asked anything else.
  [[nodiscard]] std::span<const std::byte> bytes_of(std::uint64_t handle, std::uint32_t size);

  // --- Reading (zram_read.cc) ---
  [[nodiscard]] Result<void, IoError> fetch_page(std::uint64_t slot, std::byte* to);
  [[nodiscard]] Result<void, IoError> fetch_unit(std::uint64_t slot, PageCount pages, std::byte* to);
  [[nodiscard]] Result<void, IoError> fetch_backed(std::uint64_t slot, std::byte* to);

  compress::PageSource& source;
  ZramOptions options;
  PageCount pages;  // 0: no size yet
  std::unique_ptr<compress::ZsPool> pool;
  std::optional<Packer> packer;
  std::vector<ZramSlot> slots;
  std::vector<ZramUnit> units;  // empty where a unit is a page
  std::unique_ptr<Backend> backing;
  BackingBlocks blocks;
  ZramWritebackLimit writeback_limit;
  std::uint64_t writes = 0;

  // What stats() does not work out.
  std::uint64_t pages_stored = 0;
  PageCount max_used;
  ZramStats stats;
  ZramUnitStats unit_stats;

  std::vector<std::byte> scratch;  // an object that lies in several frames
  std::vector<std::byte> rooms;    // the same of several, for threads that read
  std::vector<std::byte> whole;    // a unit of which a part is wanted
};

}  // namespace quire::swap
