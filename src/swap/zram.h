// swap/zram.h - a block device that keeps its pages compressed in RAM.
//
// Mirrors: drivers/block/zram/zram_drv.c of Linux 6.18: every 4 KiB alone, pages
// filled with one word, pages that do not compress, the limit, idle marks, writeback to a
// backing device, the numbers of mm_stat, io_stat and bd_stat.
// Differs: no recompression, so no page is ever marked incompressible; ages of pages
// are not kept (CONFIG_ZRAM_TRACK_ENTRY_ACTIME off); units of several pages are as in the
// patches of 2024 that are not in Linux.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/report.h"
#include "compress/codec.h"
#include "compress/zsmalloc.h"
#include "quire/result.h"
#include "quire/types.h"
#include "swap/backend.h"
#include "swap/size_model.h"

namespace quire::swap {

struct ZramOptions {
  std::string name = "zram0";
  ByteCount disksize{};  // rounded up to pages; 0: set later, as the kernel's devices begin
  compress::Algorithm algorithm = compress::Algorithm::kLzoRle;
  std::optional<int> level = std::nullopt;
  // What is compressed as one object: 4, 16 or 64 KiB, not less than a page.
  ByteCount unit{kPageSize};
  unsigned threads = 1;     // that compress and decompress
  unsigned chain_size = 8;  // CONFIG_ZSMALLOC_CHAIN_SIZE
  ByteCount mem_limit{};    // 0: none
  // For pages without contents; must outlive the device.
  const SizeModel* sizes = nullptr;
};

// What the kernel's files say, in its words.
struct ZramStats {
  // mm_stat
  ByteCount orig_data_size;
  ByteCount compr_data_size;
  ByteCount mem_used_total;
  ByteCount mem_limit;
  ByteCount mem_used_max;
  std::uint64_t same_pages = 0;
  PageCount pages_compacted;
  std::uint64_t huge_pages = 0;
  std::uint64_t huge_pages_since = 0;
  // io_stat
  std::uint64_t failed_reads = 0;
  std::uint64_t failed_writes = 0;
  std::uint64_t notify_free = 0;
  // bd_stat, in pages
  std::uint64_t bd_count = 0;
  std::uint64_t bd_reads = 0;
  std::uint64_t bd_writes = 0;
};

// What units of several pages do; all 0 where a unit is a page.
struct ZramUnitStats {
  std::uint64_t units = 0;          // objects of a whole unit now
  std::uint64_t units_since = 0;    // ever stored
  std::uint64_t pieces_since = 0;   // pages stored alone: of a smaller folio, or of an unaligned rest
  std::uint64_t partial_reads = 0;  // reads that wanted a part and decompressed all
  std::uint64_t partial_frees = 0;  // pages freed while others of their unit stayed
  ByteCount dead_bytes;             // of compr_data_size, held for freed pages of units that others still use
};

// Which objects are written back.
enum class ZramWriteback : std::uint8_t { kAny, kIdle, kHuge, kHugeIdle, kIncompressible };

// Slots from `first` to `last`, both included.
struct SlotRange {
  std::uint64_t first = 0;
  std::uint64_t last = ~0ULL;
};

// writeback_limit and writeback_limit_enable.
struct ZramWritebackLimit {
  std::uint64_t left = 0;
  bool enabled = false;
};

// Zram keeps pages by slot, each compressed alone or, with larger units, together.
//
// States      : of the device: without a size -> in use -> reset(): without a size
//               of a slot: empty -> one word | object | whole page | part of a unit -> empty;
//               all but the first -> on the backing device -> empty
// Owns        : its pool, and the backing device
// Refers to   : the source of frames, the model of sizes
// Locks       : one thread drives a machine
// Errors      : a write that fails has stored the pages before the one it failed at, and no
//               others, as the kernel's; the slots of the others hold what they held
// Invariants  : I-ZRAM-1 orig_data_size = slots that are not empty
//               I-ZRAM-2 compr_data_size = the sizes of all objects, each once
//               I-ZRAM-3 the pool holds exactly those objects
//               I-ZRAM-4 same_pages, huge_pages, bd_count = slots of that kind (of huge units
//                         all pages)
//               I-ZRAM-5 a block of the backing device is used by one slot exactly
//               I-ZRAM-6 a unit exists exactly as long as a slot lies in it
class Zram final : public Backend {
 public:
  // Refuses a level the algorithm does not have, a unit that is none of the three, no threads.
  [[nodiscard]] static Result<std::unique_ptr<Zram>, Diagnostic> create(compress::PageSource& source,
                                                                        const ZramOptions& options = {});
  ~Zram() override;

  // --- As the files of its folder do (zram_sysfs.h) ---
  // kBusy: it has a size already.
  [[nodiscard]] Result<void, Errno> set_disksize(ByteCount size);
  [[nodiscard]] Result<void, Errno> set_algorithm(compress::Algorithm algorithm);
  [[nodiscard]] Result<void, Errno> set_level(std::optional<int> level);
  [[nodiscard]] Result<void, Errno> set_unit(ByteCount unit);
  [[nodiscard]] Result<void, Errno> set_backing(std::unique_ptr<Backend> device);
  // Forgets all pages, the numbers, the backing device, the algorithm and the limit.
  void reset();
  void set_mem_limit(ByteCount limit);  // rounded up to pages; 0: none
  void reset_mem_used_max();
  // Marks every page idle; reading or writing it takes the mark away.
  void mark_idle();
  // Units of 4 KiB that may still be written back, and whether that counts.
  void set_writeback_limit(const ZramWritebackLimit& limit);
  [[nodiscard]] ZramWritebackLimit writeback_limit() const;
  // Moves the objects of one kind among these slots to the backing device, the largest
  // first. kNoDev: there is none; kNoSpc: it is full; kIo: the limit is used up, or the
  // last write that failed.
  [[nodiscard]] Result<void, Errno> writeback(ZramWriteback kind, SlotRange slots = {});
  // --- Backend ---
  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Traits traits() const override { return {.block_device = true, .synchronous = true}; }
  [[nodiscard]] PageCount size() const override;
  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override;
  // On the threads of its options, where there are several.
  [[nodiscard]] bool compresses_ahead() const override;
  void expect(std::span<const Pages> folios) override;
  void settle(Pages folio) override;
  [[nodiscard]] Result<void, IoError> read(std::uint64_t slot, Pages pages) override;
  void slots_freed(std::uint64_t slot, PageCount count) override;
  void discard(std::uint64_t slot, PageCount count) override;
  bool damage(std::uint64_t slot) override;
  [[nodiscard]] PageCount frames_used() const override;
  [[nodiscard]] PageCount compactable() const override;
  PageCount compact() override;

  // --- What it says of itself ---
  [[nodiscard]] bool has_size() const { return size() != PageCount(); }
  [[nodiscard]] const ZramOptions& options() const;
  [[nodiscard]] const Backend* backing() const;
  [[nodiscard]] ZramStats stats() const;
  [[nodiscard]] ZramUnitStats unit_stats() const;
  // Null while it has no size.
  [[nodiscard]] const compress::ZsPool* pool() const;

  void check_invariants(base::InvariantReport& out) const;

  // The inside: swap/zram_state.h, for the sources of Zram only.
  struct State;

 private:
  explicit Zram(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace quire::swap
