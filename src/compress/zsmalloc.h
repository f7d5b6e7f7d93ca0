// compress/zsmalloc.h - a pool of small objects in chains of single frames,
// packed without regard to where a frame ends.
//
// Mirrors: mm/zsmalloc.c of Linux 6.18. Differs: the word before an object in
// which the kernel keeps its handle has its room, but what it says is kept
// beside the frames, so that a machine without contents has the same pool;
// objects of more than a page, for units of several pages, are as in the
// patches of 2024 that are not in Linux ("mTHP-friendly compression").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/report.h"
#include "compress/page_source.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::compress {

// The name of an object: good until it is freed, wherever the object moves.
class ZsHandle {
 public:
  constexpr ZsHandle() = default;
  constexpr explicit ZsHandle(std::uint64_t handle) : handle_(handle) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return handle_; }
  // Whether it names an object; a handle that was not given by a pool does not.
  [[nodiscard]] constexpr bool valid() const { return handle_ != 0; }
  constexpr auto operator<=>(const ZsHandle&) const = default;

 private:
  std::uint64_t handle_ = 0;
};

// How frames make up the zspages of objects of more than a page.
enum class ZsLayout : std::uint8_t {
  // As of smaller ones: a chain has as many frames as waste least, up to
  // chain_size, or as many as one object needs.
  kFrames,
  // As in the patches: a chain is made of up to chain_size blocks of
  // largest_object, whatever the object's size.
  kUnits,
};

struct ZsOptions {
  // The largest object, a power of two of one page to 16. More than a page: a
  // pool for units of several pages.
  ByteCount largest_object{kPageSize};
  // CONFIG_ZSMALLOC_CHAIN_SIZE: how many frames a zspage may have, 4 to 16.
  unsigned chain_size = 8;
  ZsLayout layout = ZsLayout::kFrames;
};

// Why an object was not allocated. Nothing has changed then.
enum class ZsError : std::uint8_t {
  kNoMemory,  // the source has no frame left
  kTooLarge,  // larger than largest_object
};

// How full a zspage is, as the columns of the kernel's table: none of its
// objects in use, up to 10 % (exclusive), 20 % ... 90 %, 99 %, all.
inline constexpr unsigned kZsFullnessGroups = 12;

// One line of /sys/kernel/debug/zsmalloc/<pool>/classes.
struct ZsClassStats {
  unsigned index = 0;  // the largest of the size classes that share this one
  ByteCount size;      // of an object, with its handle
  std::array<std::uint64_t, kZsFullnessGroups> zspages{};  // by fullness
  std::uint64_t obj_allocated = 0;                         // objects there is room for
  std::uint64_t obj_used = 0;
  PageCount pages_used;
  PageCount pages_per_zspage;
  PageCount freeable;  // pages compact() would give back
};

// ZsPool keeps objects of 1 to largest_object bytes.
//
// States      : of an object: allocated (its bytes undefined) -> written -> freed
//               of a zspage: by fullness; one that nothing is left in is given back at once
// Owns        : the frames of its zspages; the destructor gives them back, objects and all
// Refers to   : the source of frames
// Locks       : one thread uses a pool
// Invariants  : I-ZS-1 each zspage is in exactly one list: that of its class and its fullness
//               I-ZS-2 each handle leads to one place, and that place back to the handle
//               I-ZS-3 a zspage's free and used objects are all it has room for, none twice
//               I-ZS-4 total_pages() = the frames of all zspages, none of them in two
//               I-ZS-5 no zspage is empty
// Complexity  : allocate, free, read, write constant; compact linear in what it moves
class ZsPool {
 public:
  explicit ZsPool(PageSource& source, const ZsOptions& options = {});
  ~ZsPool();
  ZsPool(const ZsPool&) = delete;
  ZsPool& operator=(const ZsPool&) = delete;

  // Room for `size` bytes (zs_malloc). `size` must not be 0.
  [[nodiscard]] Result<ZsHandle, ZsError> allocate(ByteCount size);
  // (zs_free)
  void free(ZsHandle handle);

  // Sets the first bytes of an object, no more than it was allocated with
  // (zs_obj_write). Does nothing where the source keeps no contents.
  void write(ZsHandle handle, std::span<const std::byte> bytes);
  // The first `size` bytes of an object: where they lie, if that is one frame,
  // else copied to `scratch`, which must have room for them (zs_obj_read_begin).
  // Good until the next call of any other function. An empty span: the source
  // keeps no contents.
  [[nodiscard]] std::span<const std::byte> read(ZsHandle handle, ByteCount size,
                                                std::span<std::byte> scratch);

  // Moves objects out of the emptiest zspages into the fullest until no more
  // frames can be won so (zs_compact). Gives the pages given back.
  PageCount compact();
  // What compact() would give (zs_shrinker_count).
  [[nodiscard]] PageCount freeable() const;

  // Frames it holds (zs_get_total_pages), and all that compact() gave back so far.
  [[nodiscard]] PageCount total_pages() const;
  [[nodiscard]] PageCount pages_compacted() const;
  // Objects in it.
  [[nodiscard]] std::uint64_t objects() const;
  // A unit of `unit` bytes that compresses to this or more takes as much room
  // as when it is kept as it is (zs_huge_class_size). `unit`: one page, or
  // largest_object.
  [[nodiscard]] ByteCount huge_class_size(ByteCount unit) const;
  // The bytes an object of `size` bytes costs: its class, without what is free
  // in its zspage.
  [[nodiscard]] ByteCount class_size(ByteCount size) const;

  // The classes, smallest first, those without zspages too.
  [[nodiscard]] std::vector<ZsClassStats> class_stats() const;
  // The table as debugfs shows it, with the line of totals.
  [[nodiscard]] std::string classes_text() const;

  void check_invariants(base::InvariantReport& out) const;

  // The inside: compress/zs_state.h, for this folder only.
  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace quire::compress
