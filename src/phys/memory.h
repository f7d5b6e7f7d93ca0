// phys/memory.h - the machine's RAM: bytes, descriptors, zones, per-cpu lists.
//
// Mirrors: mm/page_alloc.c of Linux 6.18 as far as allocation and freeing of
// blocks go. Differs: one node; per-cpu lists for order 0 only, one for movable
// frames and one for page tables; no watermarks, reclaim or compaction yet: an
// allocation that finds no block fails at once.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/report.h"
#include "phys/frame.h"
#include "phys/host_memory.h"
#include "phys/reserved_memory.h"
#include "phys/zone.h"
#include "quire/result.h"

namespace quire::phys {

// Whether data frames hold the program's bytes. A replay that has no bytes
// never touches them: a terabyte costs its descriptors and tables only.
// Page tables always hold their real contents.
enum class Contents : std::uint8_t { kNone, kKept };

struct MemoryOptions {
  ByteCount ram = 1_GiB;  // rounded down to whole largest blocks (4 MiB); at least one
  Contents contents = Contents::kKept;
  // Where the memory comes from and goes to. Without: the host alone.
  std::shared_ptr<HostMemory> host = nullptr;
};

// Whether the owner's frames could be moved. Page tables cannot; those of one
// kind are taken from the zone together, so that tables lie beside tables.
enum class MigrateType : std::uint8_t { kMovable, kUnmovable };

// Owns all frames and says who has which.
//
// States      : see FrameKind
// Owns        : the simulated RAM and the descriptor array
// Locks       : one thread drives a machine; zone lock and per-cpu lists later
// Invariants  : I-MEM-1 free frames + per-cpu frames + handed-out frames = all frames
//               I-MEM-2 every handed-out frame was handed out once (its kind is not a free one)
//               I-FRAME-1 a frame in a free kind has no references and no maps
class PhysMemory {
 public:
  // Fails when the host cannot reserve the address space.
  [[nodiscard]] static Result<PhysMemory, Diagnostic> create(const MemoryOptions& options);
  PhysMemory(PhysMemory&&) = default;
  PhysMemory& operator=(PhysMemory&&) = delete;
  ~PhysMemory();

  // A block of 2^order frames (kOwned and its kTail), or nothing when none is left.
  // The contents of a data frame are what they were: see zero().
  [[nodiscard]] std::optional<Pfn> allocate(Order order, MigrateType type = MigrateType::kMovable);
  void free(Pfn first, Order order);

  // Fills the frames with zeroes, when contents are kept.
  void zero(Pfn first, Order order);
  // Copies one frame, when contents are kept.
  void copy(Pfn from, Pfn to);

  [[nodiscard]] Frame& frame(Pfn pfn) { return frames_[pfn.raw()]; }
  [[nodiscard]] const Frame& frame(Pfn pfn) const { return frames_[pfn.raw()]; }
  // The 4096 bytes of a frame.
  [[nodiscard]] std::byte* bytes(Pfn pfn) const { return ram_.data() + (pfn.raw() << kPageShift); }

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
  [[nodiscard]] std::optional<Pfn> allocate_from_zones(Order order);
  [[nodiscard]] std::optional<Pfn> allocate_order0(MigrateType type);
  void refill(PerCpuList& list);
  void free_to_zone(Pfn first, Order order);
  void drain_all();
  [[nodiscard]] static std::uint64_t frames_at_once(const Frame& f);

  std::shared_ptr<HostMemory> host_;
  ReservedMemory ram_;
  ReservedMemory descriptors_;
  Frame* frames_ = nullptr;
  Contents contents_ = Contents::kKept;
  PageCount total_;
  std::vector<Zone> zones_;           // lowest first
  std::array<PerCpuList, 2> order0_;  // by MigrateType
  std::function<bool(Order)> injector_;
};

}  // namespace quire::phys
