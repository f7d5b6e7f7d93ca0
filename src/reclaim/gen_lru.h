// reclaim/gen_lru.h - generations of folios.
//
// Mirrors: the multi-generational LRU of mm/vmscan.c and mm/workingset.c, Linux 6.18:
// generations, ageing by page-table walks, looking around on eviction, tiers and the
// controller that protects them by their refaults. Differs: no Bloom filters (a walk
// looks at every table), no generations of memory cgroups (mem_cgroup iterates in order),
// no min_ttl; the clean stock is what MADV_FREE marked (see classic_lru.h).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "reclaim/folio_lists.h"

namespace quire::reclaim {

// Sorts folios by when they were last seen in use. Ageing opens a new generation and
// promotes what the page tables show used twice; eviction empties the oldest one.
//
//   seq     min_seq      ...      max_seq
//           oldest                youngest, at most four at once, at least two stay
//
// States      : young generation -> (ageing) older -> oldest -> (not in use) taken
//               a use moves it to the youngest: at once in its slot, its link when it is next met
// Invariants  : I-LISTS-1; I-GEN-1 max_seq - min_seq < 4
//               I-GEN-2 the pages counted in a generation are those whose slots name it
//               I-GEN-3 every folio's generation is one of those between min_seq and max_seq
// Complexity  : O(1) for each folio evicted; a walk of all page tables for each generation
class GenLru final : public FolioLists {
 public:
  static constexpr std::uint64_t kMaxGens = 4;
  static constexpr std::uint64_t kMinGens = 2;
  static constexpr unsigned kTiers = 4;

  explicit GenLru(const ListContext& context, std::uint8_t first_number = 1)
      : FolioLists(context), first_(first_number) {}
  // Uses that a walk meets may be of folios that another object has in its lists.
  void share_walks_with(GenLru& other) { other_ = &other; }

  void add(Pfn head) override;
  void add_new(Pfn head) override;
  void remove(Pfn head, PageCount pages) override;
  void split(Pfn head, std::span<const Order> pieces) override;
  void deactivate(Pfn head) override;
  void forget_use(Pfn head) override;

  void prepare(ScanControl& sc) override;
  void shrink(folio::GroupId group, ScanControl& sc) override;
  [[nodiscard]] bool walks_again(const ScanControl& sc) const override { return sc.of_group(); }
  [[nodiscard]] PageCount evictable(folio::GroupId group) const override;

  [[nodiscard]] Shadow evicted(Pfn head, folio::GroupId target) override;
  void refaulted(Pfn head, Shadow shadow) override;

  void check_invariants(base::InvariantReport& out) const override;

  // The youngest and the oldest generation, and the pages of one.
  [[nodiscard]] std::uint64_t max_seq(folio::GroupId group) const;
  [[nodiscard]] std::uint64_t min_seq(folio::GroupId group, Stock stock = Stock::kAnon) const;
  [[nodiscard]] PageCount pages_in(folio::GroupId group, std::uint64_t seq, Stock stock = Stock::kAnon) const;

  static constexpr std::uint8_t kNumbers = kMaxGens * 2 + 1;

 private:
  using ByTier = std::array<std::uint64_t, kTiers>;
  // What became of a stock's folios, by tier: since the oldest generation began, and
  // averaged over the ones before.
  struct History {
    ByTier evicted{}, kept{}, refaulted{};
    ByTier average_refaulted{}, average_total{};
  };
  struct Lruvec {
    std::uint64_t max_seq = kMinGens + 1;
    std::array<std::uint64_t, 2> min_seq{};
    std::array<std::array<folio::LruList, kMaxGens>, 2> lists;
    std::array<std::array<std::uint64_t, kMaxGens>, 2> pages{};  // by what slots say
    folio::LruList unevictable;
    std::array<History, 2> history;
  };
  // Refaults against what went or was kept, weighed: of a tier, or of a stock in all.
  struct Position {
    std::uint64_t refaulted = 0, total = 0, gain = 0;
  };
  // What a call may take, and from which of the stocks first.
  struct Stocks {
    std::uint32_t swappiness = 0;  // 0: anonymous pages cannot go anywhere
    [[nodiscard]] bool may_take(Stock stock) const { return stock == Stock::kClean || swappiness != 0; }
  };

  [[nodiscard]] Lruvec& lruvec(folio::GroupId group);
  [[nodiscard]] const Lruvec* find(folio::GroupId group) const;
  [[nodiscard]] std::uint8_t number(std::uint64_t gen, Stock stock) const {
    return static_cast<std::uint8_t>(first_ + gen * 2 + static_cast<std::uint8_t>(stock));
  }
  [[nodiscard]] bool mine(Pfn head) const {
    return slot(head).list >= first_ && slot(head).list < first_ + kNumbers;
  }
  [[nodiscard]] folio::LruList& list_of(Lruvec& v, std::uint8_t number) const;
  [[nodiscard]] Stock stock_on_list(Pfn head) const {
    return static_cast<Stock>((slot(head).list - first_) % 2);
  }

  [[nodiscard]] std::uint64_t seq_for(const Lruvec& v, Pfn head) const;
  [[nodiscard]] unsigned refs_of(Pfn head) const;
  [[nodiscard]] unsigned tier_of(Pfn head) const;
  // Seen as often as can be counted, and of the working set: it moves on without counting as kept.
  [[nodiscard]] bool moves_on_anyway(Pfn head) const;

  // Ageing.
  void inc_max_seq(Lruvec& v, folio::GroupId group);
  void inc_min_seq(Lruvec& v, Stock stock);
  bool try_to_inc_min_seq(Lruvec& v);
  bool promote(folio::GroupId group, Pfn head);
  void move_gen(Lruvec& v, Pfn head, std::uint64_t gen);
  // From the oldest generation to the next, which is returned.
  std::uint64_t keep(Lruvec& v, Stock stock, Pfn head);
  // Eviction.
  [[nodiscard]] Stocks stocks_for(const ScanControl& sc) const;
  [[nodiscard]] bool should_age(const Lruvec& v, const Stocks& stocks, std::uint64_t& pages) const;
  [[nodiscard]] std::uint64_t oldest(const Lruvec& v, const Stocks& stocks) const;
  [[nodiscard]] static bool has_enough(const ScanControl& sc);
  std::uint64_t evict(Lruvec& v, folio::GroupId group, const Stocks& stocks, std::uint64_t to_scan,
                      ScanControl& sc);
  std::uint64_t scan(Lruvec& v, Stock stock, std::uint64_t to_scan, ScanControl& sc, std::vector<Pfn>& taken);
  bool sort(Lruvec& v, Stock stock, Pfn head, unsigned tier);
  [[nodiscard]] Reference check_references(folio::GroupId group, Pfn head, folio::GroupId target);
  [[nodiscard]] bool set_refs(Pfn head);
  void put_back(Lruvec& v, Pfn head);
  // The controller.
  [[nodiscard]] Position position(const Lruvec& v, Stock stock, unsigned tier, std::uint64_t gain) const;
  [[nodiscard]] Position position_of_all(const Lruvec& v, Stock stock, std::uint64_t gain) const;
  [[nodiscard]] static bool comes_back_more(const Position& than, const Position& p);
  [[nodiscard]] unsigned highest_tier_to_take(const Lruvec& v, Stock stock) const;
  [[nodiscard]] Stock stock_to_take(const Lruvec& v, const Stocks& stocks) const;
  static void carry_over(History& h);

  const std::uint8_t first_;
  GenLru* other_ = nullptr;
  std::vector<std::unique_ptr<Lruvec>> lruvecs_;  // by group
};

}  // namespace quire::reclaim
