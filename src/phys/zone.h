// phys/zone.h - one zone of frames and its buddy allocator.
//
// Mirrors: struct zone and the free lists of mm/page_alloc.c, Linux 6.18.
// Differs: no migrate types; memory that was never used is kept
// as one range instead of as list members, so that a terabyte costs nothing until
// it is touched.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/report.h"
#include "phys/frame.h"
#include "phys/watermarks.h"

namespace quire::phys {

// Hands out naturally aligned blocks of 2^order frames and merges them again.
//
// States      : a frame is untouched, in exactly one free block, or handed out
// Owns        : nothing; the free lists are chained through the descriptors
// Refers to   : the machine's Frame array
// Locks       : zone lock (one thread drives a machine today)
// Invariants  : I-ZONE-1 the free blocks and the untouched range hold free_pages() frames together
//               I-ZONE-2 each block in list `o` starts at a multiple of 2^o, lies in the zone, and its
//                        head says kFreeHead and order o
//               I-ZONE-3 no free block's buddy is a free block of the same order (below the largest)
//               I-ZONE-4 free blocks do not overlap: every other frame of a block says kFreeBody
// Complexity  : allocate and free O(kMaxOrder)
class Zone {
 public:
  // The zone of frames [begin, end), both multiples of the largest block.
  Zone(std::string_view name, Pfn begin, Pfn end, Frame* frames);

  // The first frame of a block, or nothing when no block is left. The first
  // frame is kOwned, the others are its kTail.
  [[nodiscard]] std::optional<Pfn> allocate(Order order);
  // Gives a block back. All its frames must be the caller's.
  void free(Pfn first, Order order);

  [[nodiscard]] bool contains(Pfn pfn) const { return begin_ <= pfn && pfn < end_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] PageCount free_pages() const { return free_; }
  [[nodiscard]] PageCount size() const { return end_ - begin_; }
  [[nodiscard]] Pfn begin() const { return begin_; }
  // The frames from here on were never handed out, and so many they are.
  [[nodiscard]] Pfn touched_end() const { return untouched_; }
  [[nodiscard]] PageCount untouched() const { return end_ - untouched_; }
  // Blocks of exactly this order that are free: a column of /proc/buddyinfo.
  [[nodiscard]] std::uint64_t free_blocks(Order order) const;

  void set_watermarks(const Watermarks& marks) { marks_ = marks; }
  [[nodiscard]] const Watermarks& watermarks() const { return marks_; }
  // Whether a block of this order can go and leave so much (zone_watermark_ok).
  [[nodiscard]] bool above(Mark mark, Order order) const;

  void check_invariants(base::InvariantReport& out) const;

 private:
  struct FreeList {
    Pfn head = Pfn::invalid();
    std::uint64_t blocks = 0;
  };

  [[nodiscard]] Frame& frame(Pfn pfn) const { return frames_[pfn.raw()]; }
  void push(Pfn first, Order order);
  void unlink(Pfn first, Order order);
  [[nodiscard]] std::optional<Pfn> take_untouched();
  void hand_out(Pfn first, Order order);

  std::string_view name_;
  Pfn begin_, end_;
  Pfn untouched_;  // [untouched_, end_) was never handed out
  Frame* frames_;
  PageCount free_;
  Watermarks marks_;
  std::array<FreeList, kMaxOrder + 1> lists_;
};

}  // namespace quire::phys
