// live/folio_counts.h - how much of a mapping lies in folios of which size, and
// how they are mapped.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "live/layout.h"
#include "quire/types.h"

namespace quire::live {

// Pages by the order of the folio they belong to.
using ByOrder = std::array<PageCount, kPmdOrder + 1>;

// Each present page is in exactly one of the counts, `blocks` apart.
struct FolioCounts {
  struct OfKind {
    PageCount single;     // folios of one page
    PageCount pmd;        // 2 MiB at once, by one entry
    ByOrder aligned{};    // the whole folio in order, at a multiple of its size
    ByOrder unaligned{};  // the whole folio in order, elsewhere
    ByOrder partial{};    // not the whole folio, or not in order
    // Pages mapped by PTEs in blocks of 2^n in order, aligned in memory and in
    // the address space, of one folio: also of a larger or a partial one.
    ByOrder blocks{};
    [[nodiscard]] PageCount total() const;
    // All of them, single pages too, by the order of their folio.
    [[nodiscard]] ByOrder by_order() const;
    OfKind& operator+=(const OfKind& other);
    bool operator==(const OfKind&) const = default;
  };
  OfKind anon;
  OfKind file;        // page cache and shared memory
  PageCount zero;     // the zero page, and the huge one
  PageCount hugetlb;  // of hugetlbfs
  PageCount special;  // memory of devices

  FolioCounts& operator+=(const FolioCounts& other);
  bool operator==(const FolioCounts&) const = default;
};

// An anonymous folio that a mapping holds only a part of.
struct PartialFolio {
  Pfn head;
  Order order;
  bool operator==(const PartialFolio&) const = default;
};

// Counts the pages of one mapping.
//
// Invariants  : I-MAP-1 each present page is counted once
//               I-MAP-2 a folio counts as whole only within one mapping
// Complexity  : O(1) a page
class FolioCounter {
 public:
  // `blocks` are the orders of FolioCounts::blocks to be counted.
  explicit FolioCounter(OrderSet blocks) : blocks_(blocks) {}

  // In address order; pages that are not present need not be shown.
  void add(VirtAddr at, const PageView& page);
  [[nodiscard]] FolioCounts finish();
  // The partial anonymous folios met since the last call; one can be met twice.
  [[nodiscard]] std::vector<PartialFolio> take_partial() { return std::exchange(partial_, {}); }

 private:
  // Pages of one folio in a row, in memory and in the address space.
  struct Row {
    VirtAddr begin;
    PageView first;
    PageCount pages;
    [[nodiscard]] bool goes_on_with(VirtAddr at, const PageView& page) const;
  };

  void close_row();
  void count_blocks(ByOrder& blocks) const;

  OrderSet blocks_;
  FolioCounts counts_;
  std::vector<PartialFolio> partial_;
  Row row_;  // of no pages: none
};

}  // namespace quire::live
