// reclaim/folio_lists.h - the order in which folios are taken back: what every kind of
// lists can do.
//
// Three kinds are there: classic_lru.h (active and inactive), gen_lru.h (generations),
// dual_lru.h (large and small folios apart).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/report.h"
#include "folio/folios.h"
#include "folio/lru.h"
#include "reclaim/folio_users.h"
#include "reclaim/mem_cgroup.h"
#include "reclaim/scan_control.h"
#include "stats/counters.h"

namespace quire::reclaim {

// What a list holds. The kernel's clean stock are file pages; here they are those that
// MADV_FREE marked, which the kernel keeps among them.
enum class Stock : std::uint8_t { kAnon, kClean };

// What the lists of a machine share.
struct ListContext {
  folio::LruTable& table;
  folio::Folios& folios;
  phys::PhysMemory& memory;
  stats::Counters& counters;
  FolioUsers& users;
  const MemCgroups& groups;
};

// What is remembered of a folio that was swapped out, at its slot (the kernel's shadow
// entry). 0: nothing.
class Shadow {
 public:
  constexpr Shadow() = default;
  constexpr Shadow(std::uint64_t token, folio::GroupId group, bool workingset)
      : bits_(1 | (std::uint64_t{workingset} << 1) | (std::uint64_t{group.raw()} << 2) | (token << 18)) {}
  [[nodiscard]] constexpr bool valid() const { return bits_ != 0; }
  [[nodiscard]] constexpr bool workingset() const { return ((bits_ >> 1) & 1) != 0; }
  [[nodiscard]] constexpr folio::GroupId group() const {
    return folio::GroupId(static_cast<std::uint16_t>(bits_ >> 2));
  }
  [[nodiscard]] constexpr std::uint64_t token() const { return bits_ >> 18; }

 private:
  std::uint64_t bits_ = 0;
};

// Keeps folios in an order, and takes them from its end.
//
// States      : of a folio: on no list -> on a list <-> isolated (off it, with a reference) -> freed
// Refers to   : the machine's folios, counters and list table; who maps folios
// Locks       : lru lock (one thread drives a machine)
// Invariants  : I-LRU-1, I-LRU-2 (folio/lru.h)
//               I-LISTS-1 every folio is on the list its marks say: locked ones among the
//                         unevictable, lazily freed ones among the clean, others among the anonymous
class FolioLists {
 public:
  explicit FolioLists(const ListContext& context) : context_(context) {}
  virtual ~FolioLists() = default;
  FolioLists(const FolioLists&) = delete;
  FolioLists& operator=(const FolioLists&) = delete;

  // Puts the folio where its marks say it belongs. It is on no list.
  virtual void add(Pfn head) = 0;
  // The same for one that a fault just made or brought back.
  virtual void add_new(Pfn head) { add(head); }
  // Off its list, which it is on. `pages` is what it held when it was put there.
  virtual void remove(Pfn head, PageCount pages) = 0;
  // It became these folios, which stand where it stood, if it was on a list.
  virtual void split(Pfn head, std::span<const Order> pieces) = 0;
  // Its marks were changed: to where they say now.
  void replace(Pfn head) {
    remove(head, context_.folios.order_of(head).pages());
    add(head);
  }
  // Soon no longer needed (MADV_COLD): to where the next are taken from, if it is not there.
  virtual void deactivate(Pfn head) = 0;
  // What is known of its use is forgotten (MADV_PAGEOUT, MADV_FREE). It is on no list.
  virtual void forget_use(Pfn head);

  // Takes folios of one group as hard as sc.priority says.
  virtual void shrink(folio::GroupId group, ScanControl& sc) = 0;
  // Before a walk over the groups: what the last ones found decides what this may do.
  virtual void prepare(ScanControl& /*sc*/) {}
  // After a call for memory of this group, whatever came of it.
  virtual void tried(folio::GroupId /*target*/) {}
  // Whether the need of a large order may ask for another walk.
  [[nodiscard]] virtual bool walks_again(const ScanControl& /*sc*/) const { return true; }
  // kswapd's care for the order in all groups, whether or not it takes anything.
  virtual void age() {}
  // Pages that shrink could take at best.
  [[nodiscard]] virtual PageCount evictable(folio::GroupId group) const = 0;

  // The folio goes to swap for want of memory in `target`: what is worth knowing when it comes back.
  [[nodiscard]] virtual Shadow evicted(Pfn head, folio::GroupId target) = 0;
  // It came back, is on no list yet, and this was known of it.
  virtual void refaulted(Pfn head, Shadow shadow) = 0;

  virtual void check_invariants(base::InvariantReport& out) const = 0;

  // These are a part of `home`: what comes back from isolation, perhaps in pieces, goes
  // where that says.
  void live_in(FolioLists& home) { home_ = &home; }

 protected:
  [[nodiscard]] folio::LruSlot& slot(Pfn head) const { return context_.table.slot(head); }
  [[nodiscard]] const phys::Frame& frame(Pfn head) const { return context_.memory.frame(head); }
  [[nodiscard]] PageCount pages_of(Pfn head) const { return context_.folios.order_of(head).pages(); }
  [[nodiscard]] folio::GroupId group_of(Pfn head) const { return folio::GroupId(slot(head).group); }
  // Counts pages looked at and freed under the kernel's names.
  void count_scan(const ScanControl& sc, Stock stock, std::uint64_t pages, std::uint64_t folios);
  void count_steal(const ScanControl& sc, Stock stock, std::uint64_t pages);
  // Whether the folio is one that can be dropped without writing it (the kernel's file lists).
  [[nodiscard]] Stock stock_of(Pfn head) const {
    return frame(head).lazyfree != 0 ? Stock::kClean : Stock::kAnon;
  }
  // Puts the pieces where the folio stood on `list`, the first nearest to the old end.
  void split_in_place(folio::LruList& list, Pfn head, std::span<const Order> pieces);
  // Takes up to `pages` worth of folios, each with a reference, off the old end of a list.
  [[nodiscard]] std::vector<Pfn> isolate(folio::LruList& list, std::uint64_t pages, std::uint64_t& scanned);

  ListContext context_;
  FolioLists* home_ = this;
};

// The marks of a split folio for its pieces.
void copy_marks(const folio::LruTable& table, Pfn head, std::span<const Order> pieces);

}  // namespace quire::reclaim
