// split/compat_2011.h - what other code could rely on with the huge pages of
// 2011: the contracts that went with 4.5, as a model of one huge page.
//
// Mirrors: split_huge_page, follow_page with FOLL_SPLIT, pmd_trans_huge,
// pmd_trans_splitting, wait_split_huge_page, get_page and put_page of a tail,
// compound_lock, split_huge_page_pmd of Linux 2.6.38, as its transhuge.txt
// explains them. Differs: one huge page and one process that maps it; the locks
// are real, so that the protocol can be run by threads.
//
// Linux 6.18 keeps one reference count, on the head, and refuses to split a
// folio with references besides its maps. In 2011 a split could not be refused:
// references were counted on the page they were taken on, and the split gave
// each small page its own. split/splitter.h is today's; the policy thp-2011
// splits a folio together with its PMD but by today's rules for references.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/report.h"
#include "quire/types.h"

namespace quire::split {

// One of the 512 pages.
class SubPage {
 public:
  static constexpr unsigned kCount = 512;
  constexpr explicit SubPage(unsigned n) : n_(n) {}
  [[nodiscard]] constexpr unsigned raw() const { return n_; }
  [[nodiscard]] constexpr bool is_tail() const { return n_ != 0; }

 private:
  unsigned n_;
};

// A huge page, mapped by one PMD, that others look at and pin.
//
// States      : huge -> splitting -> split; the last two only once
// Owns        : its reference counts
// Locks       : page_table_lock (P) for the PMD's state; compound_lock (C) for the counts. P before C
// Invariants  : I-2011-1 while huge, the head's count is the PMD's reference, its own pins and all tail pins
//               I-2011-2 once split, each page's count is its PTE's reference and its own pins
//               I-2011-3 a walker that was told "splitting" finds a table after it has waited
class HugePage2011 {
 public:
  HugePage2011();

  // --- The page tables ---
  enum class Pmd : std::uint8_t { kHuge, kSplitting, kTable };
  // pmd_trans_huge, without a lock: may have changed when it is acted on.
  [[nodiscard]] bool pmd_trans_huge() const;
  // How a walker that knows huge pages proceeds: looks, locks, looks again, waits for a split
  // in progress. `native` runs under the lock if the PMD is huge; otherwise the
  // caller goes on with PTEs.
  enum class Walked : std::uint8_t { kHuge, kPtes };
  template <typename Native>
  Walked walk(Native&& native) {
    if (!pmd_trans_huge()) return Walked::kPtes;
    std::unique_lock lock(page_table_lock_);
    if (pmd_ == Pmd::kTable) return Walked::kPtes;
    if (pmd_ == Pmd::kSplitting) {
      wait_split_huge_page(lock);
      return Walked::kPtes;
    }
    native();
    return Walked::kHuge;
  }
  // For a walker that does not: one line, and there are only PTEs.
  void split_huge_page_pmd();

  // --- References ---
  // get_user_pages: the page asked for, head or tail. A tail's pin counts on
  // the tail, so that a split knows whose it is, and on the head, which it keeps
  // from being freed.
  void get_page(SubPage page);
  // Gives a pin back, whatever has become of the page meanwhile. A tail's
  // takes the compound lock, because the split moves counts under it.
  void put_page(SubPage page);
  // follow_page, with FOLL_SPLIT for callers that cannot handle a huge page:
  // afterwards there are small pages only. The page is pinned.
  enum class Follow : std::uint8_t { kAsItIs, kSplit };
  void follow_page(SubPage page, Follow how);

  // --- Splitting ---
  // In two steps, as the kernel does: first walkers are kept out, then counts
  // are handed to the pages and the PMD is replaced. Cannot fail.
  void begin_split();
  void finish_split();

  // --- Questions ---
  [[nodiscard]] Pmd pmd() const;
  [[nodiscard]] std::uint32_t count(SubPage page) const;
  [[nodiscard]] std::uint32_t pins(SubPage page) const;
  void check_invariants(base::InvariantReport& out) const;

 private:
  void wait_split_huge_page(std::unique_lock<std::mutex>& page_table_lock);
  void distribute_references();

  mutable std::mutex page_table_lock_;
  std::condition_variable split_done_;
  Pmd pmd_ = Pmd::kHuge;  // P

  mutable std::mutex compound_lock_;
  bool compound_ = true;                                // C: PG_head and PG_tail
  std::array<std::uint32_t, SubPage::kCount> count_{};  // C: _count of each page
  std::array<std::uint32_t, SubPage::kCount> pins_{};   // C: what they should be made of, for the invariants
};

}  // namespace quire::split
