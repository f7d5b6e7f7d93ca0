// phys/tag_memory.h - the memory tags of a machine's frames.
//
// Mirrors: what the Memory Tagging Extension of arm64 keeps beside the RAM, with
// PG_mte_tagged and mte_sync_tags, copy_highpage, mte_restore_tags of Linux 6.18.
// Differs: the tags of a frame that never had any read as 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "phys/reserved_memory.h"
#include "quire/types.h"

namespace quire::phys {

// Keeps four bits for each 16 bytes of RAM, and for each frame whether they mean
// anything. A frame without tags costs the host nothing.
//
// States      : of a frame: without tags -> tagged -> without, when it is freed
// Locks       : one thread drives a machine
// Invariants  : I-MTE-1 a free frame has no tags
class TagMemory {
 public:
  // Of one page, two tags a byte, the first in the lower half.
  static constexpr std::uint64_t kBytes = kTagsPerPage / 2;

  // Null: the host refuses the address space.
  [[nodiscard]] static std::unique_ptr<TagMemory> create(PageCount frames);

  [[nodiscard]] bool tagged(Pfn page) const;
  [[nodiscard]] bool any_tagged(Pfn first, PageCount n) const;
  // Frames that have tags now.
  [[nodiscard]] PageCount tagged_pages() const { return tagged_; }
  // The frames have tags from now on: those that had none before, 0.
  void tag(Pfn first, PageCount n);
  // A fresh frame gets the tags of another, if that has any.
  void copy(Pfn from, Pfn to);
  // Gives a frame without tags those that were saved. One that has tags keeps them.
  void restore(Pfn page, const std::byte* saved);
  // The frames are free.
  void forget(Pfn first, PageCount n);

  // The tag of the `granule`th 16 bytes of a page. Only a tagged frame's can be set.
  [[nodiscard]] MemoryTag get(Pfn page, std::uint64_t granule) const;
  void set(Pfn page, std::uint64_t granule, MemoryTag tag);
  // All tags of a tagged frame, kBytes long.
  [[nodiscard]] const std::byte* bytes(Pfn page) const { return of(page); }

 private:
  TagMemory() = default;
  [[nodiscard]] std::byte* of(Pfn page) const { return tags_.data() + page.raw() * kBytes; }
  [[nodiscard]] std::uint64_t& word(Pfn page) const;
  void mark(Pfn page);

  ReservedMemory tags_;
  ReservedMemory marks_;  // a bit for each frame
  PageCount tagged_;
};

}  // namespace quire::phys
