// folio/entire_maps.h - whole folios of 64 KiB that are mapped at once, counted
// once: the map-count scheme of OPPO's kernels.
//
// Mirrors: page_dup_rmap(page, compound), __split_huge_cont_pte_locked and the
// DoubleMap flag of the vendor's mm/cont_pte_hugepage.c, as its authors
// describe them, which is the scheme mainline had for PMDs before 5.18.
// Differs: who maps a folio whole is remembered by name, where the vendor reads
// it off the contiguous bit of the entries; references stay one an entry.
#pragma once

#include <unordered_map>
#include <vector>

#include "folio/large_folio.h"
#include "phys/memory.h"
#include "stats/counters.h"

namespace quire::folio {

// What the counts of a page mean under this scheme: a whole map adds 1 to the
// folio's entire_mapcount and nothing to its pages. When one whole mapper of
// several begins to unmap in pieces, DoubleMap is set: every page counts 1 for
// all whole maps together, and each page its single maps besides. It is
// cleared with the last whole map.
//
// Refers to   : the machine's memory and counters
// Invariants  : I-ENTIRE-1 entire_mapcount = address spaces remembered as whole mappers
//               I-ENTIRE-2 DoubleMap is set only while there are whole mappers
// Complexity  : O(1) for a whole map, O(pages) when one is broken up
class EntireMaps {
 public:
  static constexpr Order kOrder{16 - kPageShift};
  static constexpr std::uint32_t kPages = 1U << kOrder.raw();

  EntireMaps(phys::PhysMemory& memory, stats::Counters& counters) : memory_(memory), counters_(counters) {}

  // Whether `n` entries from `page` on are all of a folio of the size.
  [[nodiscard]] bool covers(Pfn page, std::uint32_t n) const {
    return n == kPages && memory_.frame(page).order() == kOrder && page.aligned(kOrder);
  }
  [[nodiscard]] bool has(Pfn head, MmId mm) const;
  [[nodiscard]] bool double_map(Pfn head) const;
  // How many whole mappers are remembered.
  [[nodiscard]] std::uint32_t mappers(Pfn head) const;

  // Counts one more whole map, or one less.
  void add(LargeFolio& folio, MmId mm);
  void remove(LargeFolio& folio, MmId mm);
  // `mm`, a whole mapper, will unmap a part: its entries count on the pages
  // from now on.
  void break_up(LargeFolio& folio, MmId mm);

  // What one page's own count holds for whole maps: 1 under DoubleMap.
  [[nodiscard]] std::uint32_t bias(Pfn head) const { return double_map(head) ? 1 : 0; }

 private:
  struct Whole {
    std::vector<MmId> by;
    bool double_map = false;
  };
  void forget(LargeFolio& folio, MmId mm);

  phys::PhysMemory& memory_;
  stats::Counters& counters_;
  std::unordered_map<Pfn, Whole> whole_;  // folios with a whole map, by head
};

}  // namespace quire::folio
