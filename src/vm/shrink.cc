#include "vm/shrink.h"

#include <algorithm>
#include <cstdint>

#include "vm/swap_cache.h"
#include "vm/unmap.h"

namespace quire::vm {
namespace {

using stats::MthpStat;
using stats::VmEvent;

enum class Fate : std::uint8_t { kFreed, kKeep, kActivate };

// Reclaims one list, folio by folio.
//
// Refers to   : the system
// A folio it works on has one reference besides those of entries and cache: the list's.
class ListShrinker {
 public:
  ListShrinker(System& system, const std::vector<Pfn>& folios)
      : system_(system), folios_(system.folios), waiting_(folios.rbegin(), folios.rend()) {}

  Shrunk run(absl::FunctionRef<Reference(Pfn)> references) {
    const bool ahead = system_.swap.compresses_ahead();
    while (!waiting_.empty()) {
      if (ahead) let_compress_ahead();
      const Pfn head = waiting_.back();
      waiting_.pop_back();
      const std::uint64_t pages = folios_.order_of(head).pages().raw();
      out_.scanned += pages;
      hand_back(head, shrink(head, references));
    }
    if (ahead) system_.swap.expect_writes({});
    return std::move(out_);
  }

 private:
  // So many pages are told to the device at once.
  static constexpr std::uint64_t kAhead = 512;

  // Whether it will have to be written if it is taken at all.
  [[nodiscard]] bool may_be_written(Pfn head) const {
    if (!folios_.is_anon(head) || folios_.mlocked(head) || frame(head).lazyfree != 0) return false;
    return frame(head).swapcache == 0 || frame(head).dirty != 0;
  }

  // Before the next folio is taken: when all were taken that the device was told of, it is told of the
  // next. Pieces of a folio that was split meanwhile come first and were told of with it.
  void let_compress_ahead() {
    if (waiting_.size() <= told_until_) {
      std::vector<swap::FolioToWrite> next;
      std::uint64_t pages = 0;
      told_until_ = waiting_.size();
      while (told_until_ > 0 && pages < kAhead) {
        const Pfn head = waiting_[--told_until_];
        if (!may_be_written(head)) continue;
        next.push_back({head, folios_.order_of(head)});
        pages += next.back().order.pages().raw();
      }
      system_.swap.expect_writes(next);
    }
    system_.swap.settle({waiting_.back(), folios_.order_of(waiting_.back())});
  }

  void hand_back(Pfn head, Fate fate) {
    if (fate == Fate::kFreed) {
      out_.reclaimed += folios_.order_of(head).pages().raw();
      return folios_.put(head);
    }
    if (folios_.refcount(head) == 1) return folios_.put(head);  // nobody wants it but the list
    (fate == Fate::kKeep ? out_.keep : out_.activate).push_back(head);
  }

  // What stays has no need of its slots where these are short.
  Fate activate(Pfn head) {
    if (swap_full(system_) || folios_.mlocked(head)) free_swap(system_, head);
    return folios_.mlocked(head) ? Fate::kKeep : Fate::kActivate;
  }

  Fate shrink(Pfn head, absl::FunctionRef<Reference(Pfn)> references) {
    if (folios_.mlocked(head)) return Fate::kKeep;
    switch (references(head)) {
      case Reference::kKeep:
        return Fate::kKeep;
      case Reference::kActivate:
        return activate(head);
      case Reference::kReclaim:
        break;
    }
    if (!folios_.is_anon(head) && frame(head).swapcache == 0) return Fate::kKeep;
    if (frame(head).lazyfree != 0) return discard(head);
    if (frame(head).swapcache == 0) {
      if (folios_.maybe_dma_pinned(head)) return Fate::kKeep;
      if (!give_slots(head)) return activate(head);
      frame(head).dirty = 1;
    }
    if (folios_.mapcount(head) != 0 && !try_to_unmap(system_, head)) return activate(head);
    if (folios_.maybe_dma_pinned(head)) return activate(head);
    return write_out(head);
  }

  Fate discard(Pfn head) {
    const std::uint64_t pages = folios_.order_of(head).pages().raw();
    if (folios_.mapcount(head) != 0 && !try_to_discard(system_, head)) return activate(head);
    if (folios_.maybe_dma_pinned(head)) return activate(head);
    if (folios_.refcount(head) != 1) return Fate::kKeep;
    system_.counters.add(VmEvent::pglazyfreed, pages);
    return Fate::kFreed;
  }

  // Slots for the folio, or for the first piece of what it had to be split into.
  bool give_slots(Pfn head) {
    const Order order = folios_.order_of(head);
    if (order != kOrder0) {
      if (folios_.refcount(head) != folios_.expected_refs(head) + 1) return false;
      // Pages of it that nobody maps are free without writing anything.
      if (folios_.large(head).partially_mapped && !split(head)) return false;
    }
    if (add_to_swap(system_, head)) return true;
    if (folios_.order_of(head) == kOrder0 || !split(head)) return false;
    if (order == kOrderPmd) system_.counters.add(VmEvent::thp_swpout_fallback);
    system_.counters.add(MthpStat::swpout_fallback, order);
    return add_to_swap(system_, head).has_value();
  }

  // The other pieces are next in line, the last one first.
  bool split(Pfn head) {
    std::vector<Pfn> pieces;
    const SplitRequest request{.to = kOrder0, .round = std::nullopt, .pieces = &pieces};
    if (!system_.split->split_folio(head, request)) return false;
    out_.scanned -= pieces.size();  // they are looked at again
    waiting_.insert(waiting_.end(), pieces.begin(), pieces.end());
    return true;
  }

  Fate write_out(Pfn head) {
    if (frame(head).dirty != 0) {
      if (folios_.refcount(head) != 1 + folios_.cache_refs(head)) return Fate::kKeep;
      frame(head).dirty = 0;
      // Nobody asks for it any more: no need to write.
      if (free_swap(system_, head)) return Fate::kKeep;
      if (!system_.swap.write(head)) {
        frame(head).dirty = 1;
        return Fate::kKeep;  // in memory, for its slots
      }
    }
    if (folios_.refcount(head) != 1 + folios_.cache_refs(head)) return Fate::kKeep;
    if (system_.reclaim != nullptr) system_.reclaim->evicted(head, *system_.swap.entry_of(head));
    delete_from_swap_cache(system_, head);
    return Fate::kFreed;
  }

  [[nodiscard]] phys::Frame& frame(Pfn head) const { return system_.memory.frame(head); }

  System& system_;
  folio::Folios& folios_;
  std::vector<Pfn> waiting_;           // the last one is next
  std::size_t told_until_ = SIZE_MAX;  // who waits from here on, the device was told of
  Shrunk out_;
};

}  // namespace

Shrunk shrink_folio_list(System& system, const std::vector<Pfn>& folios,
                         absl::FunctionRef<Reference(Pfn)> references) {
  return ListShrinker(system, folios).run(references);
}

}  // namespace quire::vm
