// reclaim/classic_lru.h - active and inactive lists.
//
// Mirrors: shrink_lruvec, shrink_inactive_list, shrink_active_list, get_scan_count,
// inactive_is_low, folio_check_references of mm/vmscan.c and workingset_eviction,
// workingset_refault of mm/workingset.c, Linux 6.18 without generations. Differs:
// file pages are on no list (they have no reverse map here); the kernel's file lists
// hold what MADV_FREE marked, and only that.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "reclaim/folio_lists.h"

namespace quire::reclaim {

// Two lists: new folios come to the front of the inactive one; one that was used twice
// before it reaches the end moves to the active one; what leaves that comes back to the
// inactive one, so that this never runs dry.
//
// States      : inactive -> (used twice) active -> (the inactive list is low) inactive -> taken
// Invariants  : I-LISTS-1; I-CLASSIC-1 a folio on the active list is marked active, others are not
// Complexity  : O(1) and one walk of the reverse map for each folio looked at
class ClassicLru final : public FolioLists {
 public:
  // `first_number` keeps two objects apart that share a table: they use numbers of their own.
  explicit ClassicLru(const ListContext& context, std::uint8_t first_number = 1)
      : FolioLists(context), first_(first_number) {}

  void add(Pfn head) override;
  void remove(Pfn head, PageCount pages) override;
  void split(Pfn head, std::span<const Order> pieces) override;
  void deactivate(Pfn head) override;
  void forget_use(Pfn head) override;

  void prepare(ScanControl& sc) override;
  void shrink(folio::GroupId group, ScanControl& sc) override;
  void tried(folio::GroupId target) override;
  void age() override;
  [[nodiscard]] PageCount evictable(folio::GroupId group) const override;

  [[nodiscard]] Shadow evicted(Pfn head, folio::GroupId target) override;
  void refaulted(Pfn head, Shadow shadow) override;

  void check_invariants(base::InvariantReport& out) const override;

  enum Name : std::uint8_t { kInactive, kActive, kClean, kUnevictable, kLists };
  [[nodiscard]] const folio::LruList& list(folio::GroupId group, Name name) const;
  // How many numbers it uses.
  static constexpr std::uint8_t kNumbers = kLists;

 private:
  struct Lruvec {
    std::array<folio::LruList, kLists> lists;
    // Of the group and those below it:
    std::uint64_t nonresident_age = 0;   // evictions and activations so far
    std::uint64_t refaults = 0;          // pages that became active when they came back
    std::uint64_t refaults_at_last = 0;  // the same after the last call for memory
    std::uint64_t anon_cost = 0;         // what reclaim of each stock cost lately
    std::uint64_t clean_cost = 0;
  };
  // How many pages of each list one call looks at.
  using Budget = std::array<std::uint64_t, kUnevictable>;

  [[nodiscard]] Lruvec& lruvec(folio::GroupId group);
  [[nodiscard]] const Lruvec* find(folio::GroupId group) const;
  [[nodiscard]] Name place_of(Pfn head) const;
  [[nodiscard]] std::uint8_t number(Name name) const { return static_cast<std::uint8_t>(first_ + name); }

  // Pages on a list of the group and of those below it.
  [[nodiscard]] std::uint64_t pages_below(folio::GroupId group, Name name) const;
  [[nodiscard]] bool inactive_is_low(folio::GroupId group) const;
  void add_nonresident_age(folio::GroupId group, std::uint64_t pages);
  void note_cost(folio::GroupId group, Stock stock, std::uint64_t written, std::uint64_t rotated);

  [[nodiscard]] Budget budget(const Lruvec& v, const ScanControl& sc) const;
  // Enough was found: how much of the larger stock is looked at all the same.
  static void keep_proportion(Budget& left, const Budget& of);
  void shrink_list(folio::GroupId group, Name name, std::uint64_t pages, ScanControl& sc);
  void shrink_inactive(folio::GroupId group, Name name, std::uint64_t pages, ScanControl& sc);
  void shrink_active(folio::GroupId group, std::uint64_t pages, folio::GroupId target);
  [[nodiscard]] Reference check_references(Pfn head, folio::GroupId target);
  // Back from isolation.
  void put_back(Pfn head);

  const std::uint8_t first_;
  std::vector<std::unique_ptr<Lruvec>> lruvecs_;  // by group
};

}  // namespace quire::reclaim
