// phys/frame.h - the descriptor of one 4 KiB frame: 16 bytes.
//
// Mirrors: struct page / struct folio, Linux 6.18 (64 bytes). A frame of a
// large folio other than the first ("tail") keeps only its own map count and
// exclusive mark; folios are naturally aligned and every tail repeats the
// order, so a tail finds its head by clearing the low bits of its number.
// What only large folios need lives in folio/large_folio.h, one record a folio.
#pragma once

#include <cstdint>

#include "quire/types.h"

namespace quire::phys {

// Who a frame belongs to. A frame has exactly one kind at any time.
enum class FrameKind : std::uint8_t {
  kUntouched = 0,  // never handed out since the machine was made (all-zero descriptor)
  kFreeHead,       // first frame of a free block of `order`; link() chains the free list
  kFreeBody,       // another frame of a free block
  kPerCpu,         // in a per-cpu list
  kOwned,          // handed out by the allocator; its owner has not said more
  kTable,          // a page table
  kAnon,           // head (or only frame) of an anonymous folio
  kFile,           // head (or only frame) of a page-cache folio
  kTail,           // another frame of a large folio
  kReserved,       // the zero page and the huge zero folio
};

// What a frame is and who uses it.
//
// States      : kUntouched/kFreeHead -> kOwned -> kAnon | kFile | kTable | kReserved -> kFreeHead
// Invariants  : I-FRAME-1 refcount is 0 exactly in the free kinds
//               I-FRAME-2 a tail's order equals its head's
struct Frame {
  std::uint64_t refcount : 25 = 0;  // head: references held on the folio
  std::uint64_t mapcount : 21 = 0;  // page-table entries (not PMDs) that map this very frame
  std::uint64_t kind_bits : 4 = 0;
  std::uint64_t order_bits : 4 = 0;
  std::uint64_t anon_exclusive : 1 = 0;  // this page belongs to one address space alone
  std::uint64_t lazyfree : 1 = 0;        // MADV_FREE: may be dropped instead of swapped
  std::uint64_t touched : 1 = 0;         // accessed at least once since it was handed out
  std::uint64_t mlocked : 1 = 0;         // head: on no list that memory is taken back from
  std::uint64_t dirty : 1 = 0;           // written to, as far as cleared entries told (the folio flag)
  std::uint64_t swapcache : 1 = 0;      // head: the swap cache has it, with a reference for each page
  std::uint64_t mlock_count : 4 = 0;     // head: how often it was locked; may be too small, never too large
  // kAnon/kFile head: index : 36 | anon_vma or file id : 28.
  // kFreeHead: previous : 32 | next : 32 of the free list.
  // First tail of a large folio: index of its LargeFolio record.
  std::uint64_t word = 0;

  [[nodiscard]] FrameKind kind() const { return static_cast<FrameKind>(kind_bits); }
  void set_kind(FrameKind k) { kind_bits = static_cast<std::uint64_t>(k) & 0xf; }
  [[nodiscard]] Order order() const { return Order(static_cast<unsigned>(order_bits)); }
  void set_order(Order o) { order_bits = o.raw() & 0xf; }
  [[nodiscard]] bool is_free() const {
    return kind() == FrameKind::kUntouched || kind() == FrameKind::kFreeHead ||
           kind() == FrameKind::kFreeBody || kind() == FrameKind::kPerCpu;
  }

  void add_refs(std::uint64_t n) { refcount = (refcount + n) & 0x1ffffff; }
  void drop_refs(std::uint64_t n) { refcount = (refcount - n) & 0x1ffffff; }
  void add_map() { mapcount = (mapcount + 1U) & 0x1fffff; }
  void drop_map() { mapcount = (mapcount - 1U) & 0x1fffff; }

  // Page offset (in 4 KiB pages) of a folio's first page within its mapping.
  [[nodiscard]] std::uint64_t index() const { return word >> 28; }
  [[nodiscard]] std::uint32_t owner_id() const { return static_cast<std::uint32_t>(word & 0xfffffff); }
  void set_mapping(std::uint64_t page_index, std::uint32_t id) {
    word = (page_index << 28) | (id & 0xfffffff);
  }

  [[nodiscard]] Pfn prev_free() const { return Pfn(word >> 32); }
  [[nodiscard]] Pfn next_free() const { return Pfn(word & 0xffffffff); }
  void set_links(Pfn prev, Pfn next) { word = (prev.raw() << 32) | next.raw(); }
};

static_assert(sizeof(Frame) == 16);

}  // namespace quire::phys
