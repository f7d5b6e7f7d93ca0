// folio/folios.h - every folio of the machine: references, maps, splitting up.
//
// Mirrors: include/linux/rmap.h, mm/rmap.c (__folio_add_rmap,
// __folio_remove_rmap), deferred_split_folio and folio_put of Linux 6.18 with
// CONFIG_PAGE_MAPCOUNT. Differs: a page table entry holds the only references
// there are besides the caller's own (no LRU batches), so a count is exact at
// any moment.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/report.h"
#include "folio/entire_maps.h"
#include "folio/large_folio.h"
#include "folio/lru.h"
#include "phys/memory.h"
#include "stats/counters.h"

namespace quire::folio {

// Whether a page that becomes mapped belongs to one address space alone.
enum class Exclusive : std::uint8_t { kNo, kYes };
// Which kind of entry maps the whole folio.
enum class MappedBy : std::uint8_t { kPtes, kPmd };

// Where an anonymous folio's first page stands.
struct AnonMapping {
  std::uint32_t anon_vma = 0;  // number of the AnonVma
  std::uint64_t index = 0;     // page index of the first page
};

// Makes folios of frames, counts who uses them, frees them.
//
// States      : allocated (1 reference, unmapped) -> mapped <-> partially mapped -> unmapped -> freed
// Owns        : the LargeFolio records and the deferred-split queue
// Refers to   : the machine's memory and counters
// Locks       : folio lock and the folio's map-count lock (one thread drives a machine today)
// Invariants  : I-FOLIO-1 refcount >= number of entries that map it
//               I-FOLIO-2 large_mapcount = sum of page map counts + entire_mapcount, which counts
//                         for 16 entries where whole maps count once
//               I-FOLIO-3 nr_pages_mapped = pages with a map count of their own
//               I-FOLIO-4 the slots' counts add up to at most large_mapcount
//               I-FOLIO-5 nr_anon of an order = live anonymous folios of it that were ever mapped
//               I-FOLIO-6 nr_anon_partially_mapped of an order = folios of it with the mark, all queued
//               I-FOLIO-7 only what is locked counts locks, and no tail does
// Complexity  : O(pages) for a run of pages, O(1) for a PMD
class Folios {
 public:
  Folios(phys::PhysMemory& memory, stats::Counters& counters) : memory_(memory), counters_(counters) {}

  // From now on whole maps of 64 KiB folios count once (entire_maps.h). Before the first folio.
  void count_entire_maps() { entire_ = std::make_unique<EntireMaps>(memory_, counters_); }
  [[nodiscard]] const EntireMaps* entire_maps() const { return entire_.get(); }

  // From now on folios are on lists that memory is taken back from. Before the first folio.
  void keep_lists(LruPort* lru) { lru_ = lru; }
  // Onto a list, if it is on none: who maps it for the first time does this, and who puts
  // one into a cache before anybody maps it.
  void add_to_lru(Pfn head) {
    if (lru_ != nullptr) lru_->added(head);
  }

  // A folio with one reference, not mapped, contents as they were. Nothing
  // when no block of the order is free, or can be freed with this effort.
  [[nodiscard]] std::optional<Pfn> allocate(Order order, phys::Effort effort = phys::Effort::kDirect);

  [[nodiscard]] Pfn head_of(Pfn page) const {
    const phys::Frame& f = memory_.frame(page);
    return f.kind() == phys::FrameKind::kTail ? page.align_down(f.order()) : page;
  }
  [[nodiscard]] Order order_of(Pfn head) const { return memory_.frame(head).order(); }
  [[nodiscard]] bool is_large(Pfn head) const { return memory_.frame(head).order() != kOrder0; }
  [[nodiscard]] bool is_anon(Pfn head) const { return memory_.frame(head).kind() == phys::FrameKind::kAnon; }

  // Notes that the program used this page of a folio. A page never used while
  // resident is waste that the folio's size brought with it.
  void mark_touched(Pfn page) {
    phys::Frame& f = memory_.frame(page);
    if (f.touched != 0) return;
    f.touched = 1;
    ++usage_.touched;
    if (usage_.pages == usage_.peak_pages) usage_.touched_at_peak = usage_.touched;
  }

  // --- References ---
  void get(Pfn head, std::uint32_t n = 1) { memory_.frame(head).add_refs(n); }
  // Gives references back; the last one frees the folio, which must be unmapped.
  void put(Pfn head, std::uint32_t n = 1);
  [[nodiscard]] std::uint32_t refcount(Pfn head) const {
    return static_cast<std::uint32_t>(memory_.frame(head).refcount);
  }
  // The references that entries and the swap cache account for (the kernel's
  // folio_expected_ref_count). What is beyond belongs to somebody else.
  [[nodiscard]] std::uint32_t expected_refs(Pfn head) const { return mapcount(head) + cache_refs(head); }
  // Of them those of the swap cache: one for each page, or none.
  [[nodiscard]] std::uint32_t cache_refs(Pfn head) const {
    const phys::Frame& f = memory_.frame(head);
    return f.swapcache != 0 ? static_cast<std::uint32_t>(f.order().pages().raw()) : 0;
  }

  // A pin on a page, as for DMA: one reference on a large folio, and a great
  // many on a small one, which has no count of its own (GUP_PIN_COUNTING_BIAS).
  void pin(Pfn page);
  void unpin(Pfn page);
  // Never false for a folio with a pin; a small one may have many users instead.
  [[nodiscard]] bool maybe_dma_pinned(Pfn head) const;

  // --- Reverse map counts. Only the counts: references are the caller's. ---

  // The first map of a fresh folio, all its pages at once; counts nr_anon.
  void add_new_anon_rmap(Pfn head, AnonMapping where, MmId mm, MappedBy by);
  // `n` more PTEs for the pages from `page` on, all of one folio.
  void add_anon_rmap_ptes(Pfn page, std::uint32_t n, MmId mm, Exclusive exclusive);
  // fork: the child maps what the parent maps; nobody is exclusive any more.
  void dup_anon_rmap_ptes(Pfn page, std::uint32_t n, MmId child);
  void dup_anon_rmap_pmd(Pfn head, MmId child);
  // Removing maps may leave a folio partially mapped: then it is queued for a
  // deferred split, once.
  void remove_rmap_ptes(Pfn page, std::uint32_t n, MmId mm);
  void remove_rmap_pmd(Pfn head, MmId mm);
  // Page-cache pages (order 0 here).
  void add_file_rmap(Pfn page) { memory_.frame(page).add_map(); }
  void remove_file_rmap(Pfn page) { memory_.frame(page).drop_map(); }

  // Locked into memory once more, or once less; the kernel's mlock_folio and
  // munlock_folio. The last lock that goes unlocks it. Pieces of a split keep the
  // lock, but only the first keeps how often.
  void mlock(Pfn head);
  void munlock(Pfn head);
  [[nodiscard]] bool mlocked(Pfn head) const { return memory_.frame(head).mlocked != 0; }

  // A folio that is one address space's alone moves to that mapping's AnonVma.
  void move_anon_rmap(Pfn head, std::uint32_t anon_vma);

  // --- Questions ---
  // Page-table entries that map any part of it.
  [[nodiscard]] std::uint32_t mapcount(Pfn head) const;
  // Entries that map this very page, PMDs included.
  [[nodiscard]] std::uint32_t page_mapcount(Pfn page) const;
  // The kernel's folio_maybe_mapped_shared: never false for a shared folio.
  [[nodiscard]] bool maybe_mapped_shared(Pfn head) const;
  // The record of a large folio.
  [[nodiscard]] LargeFolio& large(Pfn head) const;
  [[nodiscard]] const DeferredList& deferred() const { return deferred_; }

  // Pages held by folios, and how many of them were used. The peak is the
  // most pages there ever were at once, and what was used when they last were.
  struct Usage {
    std::uint64_t pages = 0;
    std::uint64_t touched = 0;
    std::uint64_t peak_pages = 0;
    std::uint64_t touched_at_peak = 0;
  };
  [[nodiscard]] const Usage& usage() const { return usage_; }

  // The kernel's deferred_split_folio. Order 1 and below, and what is in the swap
  // cache: nothing.
  enum class Why : std::uint8_t { kPartiallyMapped, kMaybeUnderused };
  void defer_split(Pfn head, Why why);

  // Turns a large anonymous folio that nothing maps, with exactly the
  // caller's reference besides the swap cache's, into folios of these orders, in
  // order of address, with one reference each, and those of the swap cache. Counts the gauges; the event counters are the
  // caller's.
  void split_into(Pfn head, std::span<const Order> pieces);

  // Calls fn(Pfn head) for each large folio, in no order that means anything.
  template <typename Fn>
  void for_each_large(Fn&& fn) const {
    for (std::uint32_t id = 0; id < records_; ++id) {
      const Pfn head = chunks_[id / kChunk][id % kChunk].head;
      if (head.valid()) fn(head);
    }
  }

  // The folio is not waste after all: off the queue for good. Not for partially mapped ones.
  void leave_deferred(Pfn head);
  // It could not be split now: to the end of the queue.
  void requeue_deferred(Pfn head);

  void check_invariants(base::InvariantReport& out) const;

 private:
  [[nodiscard]] phys::Frame& frame(Pfn pfn) const { return memory_.frame(pfn); }
  [[nodiscard]] std::uint32_t make_record(Pfn head);
  void drop_record(Pfn head);
  void leave_deferred(LargeFolio& folio, Order order);
  void make_piece(Pfn head, Order order, const phys::Frame& old, std::uint64_t index);
  void free_folio(Pfn head);
  void count_allocated(Order order);
  // What a page's count holds that is not an entry of its own.
  [[nodiscard]] std::uint32_t bias(Pfn head) const { return entire_ ? entire_->bias(head) : 0; }
  void dup_ptes_beside_whole_maps(Pfn page, std::uint32_t n, MmId child);
  void remove_ptes_beside_whole_maps(Pfn page, std::uint32_t n, MmId mm);
  void note_partial(Pfn head, const LargeFolio& folio);
  void check_large(const LargeFolio& folio, base::InvariantReport& out) const;

  static constexpr std::uint32_t kChunk = 1024;  // records are allocated this many at a time, never moved
  phys::PhysMemory& memory_;
  stats::Counters& counters_;
  std::vector<std::unique_ptr<LargeFolio[]>> chunks_;
  std::vector<std::uint32_t> free_records_;
  std::uint32_t records_ = 0;
  Usage usage_;
  DeferredList deferred_;
  LruPort* lru_ = nullptr;              // null: this machine takes nothing back
  std::unique_ptr<EntireMaps> entire_;  // null: every entry counts on its page
};

}  // namespace quire::folio
