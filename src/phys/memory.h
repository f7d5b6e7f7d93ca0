// phys/memory.h - the machine's RAM: bytes, descriptors, zones, per-cpu lists.
//
// Mirrors: mm/page_alloc.c of Linux 6.18 as far as allocation and freeing of
// blocks go, with __alloc_pages_slowpath where somebody reclaims. Differs: one node;
// per-cpu lists for order 0 only, one for movable frames and one for page tables; no
// compaction. Where nobody reclaims an allocation that finds no block fails at once.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/report.h"
#include "phys/block_pool.h"
#include "phys/frame.h"
#include "phys/host_memory.h"
#include "phys/reclaim_port.h"
#include "phys/reserved_memory.h"
#include "phys/tag_memory.h"
#include "phys/zone.h"
#include "quire/result.h"

namespace quire::phys {

// Whether data frames hold the program's bytes. A replay that has no bytes
// never touches them: a terabyte costs its descriptors and tables only.
// Page tables always hold their real contents.
enum class Contents : std::uint8_t { kNone, kKept };

// Whether each 16 bytes have four bits of their own beside them (arm64's MTE).
enum class MemoryTags : std::uint8_t { kNone, kMte };

struct MemoryOptions {
  ByteCount ram = 1_GiB;  // rounded down to whole largest blocks (4 MiB); at least one
  Contents contents = Contents::kKept;
  MemoryTags tags = MemoryTags::kNone;
  // Where the memory comes from and goes to. Without: the host alone.
  std::shared_ptr<HostMemory> host = nullptr;
};

// Owns all frames and says who has which.
//
// States      : see FrameKind
// Owns        : the simulated RAM and the descriptor array
// Locks       : one thread drives a machine; zone lock and per-cpu lists later
// Invariants  : I-MEM-1 free frames + per-cpu and pool frames + handed-out frames = all frames
//               I-MEM-2 every handed-out frame was handed out once (its kind is not a free one)
//               I-MEM-3 the pool holds blocks of its order, no more than it should
//               I-FRAME-1 a frame in a free kind has no references and no maps
//               I-MTE-1 a free frame has no tags
class PhysMemory {
 public:
  // Fails when the host cannot reserve the address space.
  [[nodiscard]] static Result<PhysMemory, Diagnostic> create(const MemoryOptions& options);
  PhysMemory(PhysMemory&&) = default;
  PhysMemory& operator=(PhysMemory&&) = delete;
  ~PhysMemory();

  // A block of 2^order frames (kOwned and its kTail), or nothing when none is left,
  // or none that may be taken with this effort.
  // The contents of a data frame are what they were: see zero().
  [[nodiscard]] std::optional<Pfn> allocate(Order order, MigrateType type = MigrateType::kMovable,
                                            Effort effort = Effort::kDirect);
  void free(Pfn first, Order order);

  // From now on the marks are kept, and `reclaim` is asked where they would not be.
  void keep_watermarks(ReclaimPort& reclaim, const WatermarkOptions& options);
  // No more: allocations take what is there.
  void stop_watermarks() { reclaim_ = nullptr; }
  // Whether some zone could give a block of this order and stay above the mark
  // (for kswapd: pgdat_balanced).
  [[nodiscard]] bool any_zone_above(Mark mark, Order order) const;
  // Keeps up to so many blocks of one order from everybody who wants another (the
  // vendor kernels' pool of 64 KiB): allocations of that order ask it first, what they free
  // fills it first.
  void keep_pool(Order order, std::uint64_t blocks) { pool_ = BlockPool(order, blocks); }
  [[nodiscard]] const BlockPool& pool() const { return pool_; }
  // Takes free blocks into the pool as long as that leaves the high mark; how many.
  std::uint64_t refill_pool();

  // Fills the frames with zeroes, when contents are kept.
  void zero(Pfn first, Order order);
  // Copies one frame, when contents are kept, and its tags.
  void copy(Pfn from, Pfn to);

  [[nodiscard]] Frame& frame(Pfn pfn) { return frames_[pfn.raw()]; }
  [[nodiscard]] const Frame& frame(Pfn pfn) const { return frames_[pfn.raw()]; }
  // The 4096 bytes of a frame.
  [[nodiscard]] std::byte* bytes(Pfn pfn) const { return ram_.data() + (pfn.raw() << kPageShift); }

  // The tags of all frames. Null: the machine has none.
  [[nodiscard]] TagMemory* tags() const { return tags_.get(); }

  [[nodiscard]] Contents contents() const { return contents_; }
  [[nodiscard]] PageCount total() const { return total_; }
  [[nodiscard]] PageCount free_pages() const;
  [[nodiscard]] const std::vector<Zone>& zones() const { return zones_; }

  // Test hook of the outside world: asked before every allocation; true makes
  // it fail as if no block were left. Empty: never.
  void set_failure_injector(std::function<bool(Order)> injector) { injector_ = std::move(injector); }

  void check_invariants(base::InvariantReport& out) const;

 private:
  PhysMemory() = default;
  struct PerCpuList {
    std::vector<Pfn> frames;
  };
  [[nodiscard]] std::optional<Pfn> take_block(Order order, MigrateType type, Mark mark);
  [[nodiscard]] std::optional<Pfn> allocate_from_zones(Order order, Mark mark);
  [[nodiscard]] std::optional<Pfn> allocate_order0(MigrateType type, Mark mark);
  [[nodiscard]] std::optional<Pfn> allocate_watched(Order order, MigrateType type, Effort effort);
  [[nodiscard]] std::optional<Pfn> reclaim_and_take(Order order, MigrateType type, Effort effort);
  [[nodiscard]] bool worth_retrying(Order order) const;
  [[nodiscard]] std::optional<Pfn> take_from_pool();
  bool put_into_pool(Pfn first);
  bool release_pool();
  void refill(PerCpuList& list, Mark mark);
  void free_to_zone(Pfn first, Order order);
  void drain_all();
  [[nodiscard]] static std::uint64_t frames_at_once(const Frame& f);

  std::shared_ptr<HostMemory> host_;
  ReservedMemory ram_;
  ReservedMemory descriptors_;
  std::unique_ptr<TagMemory> tags_;
  Frame* frames_ = nullptr;
  Contents contents_ = Contents::kKept;
  PageCount total_;
  std::vector<Zone> zones_;           // lowest first
  std::array<PerCpuList, 2> order0_;  // by MigrateType
  BlockPool pool_;
  ReclaimPort* reclaim_ = nullptr;  // null: nobody frees anything
  std::function<bool(Order)> injector_;
};

}  // namespace quire::phys
