#include "vm/swap_in.h"

#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/fault_anon.h"
#include "vm/rmap.h"
#include "vm/swap_cache.h"
#include "vm/wp.h"

namespace quire::vm {
namespace {

using stats::MthpStat;
using stats::VmEvent;

// What the fault is about.
struct SwapFault {
  AddressSpace& mm;
  Vma& vma;
  VirtAddr addr;
  Entry* pte;
  AccessKind kind;

  [[nodiscard]] System& system() const { return mm.system(); }
  [[nodiscard]] SwapEntry entry() const { return Native::swap_entry(*pte); }
  [[nodiscard]] bool writes() const { return kind == AccessKind::kWrite; }
};

// A folio with what was stored, in memory for the slots from `first` on.
struct SwappedIn {
  Pfn head;
  SwapEntry first;
  bool cached = false;  // else nobody but this fault knows it
};

// The entries that are to be replaced at once.
struct Run {
  Entry* pte;
  VirtAddr addr;
  Pfn page;
  std::uint32_t n = 1;
};

// --- A folio past the cache ---

// A folio is counted against one group.
bool of_one_group(const System& system, SwapEntry first, Order order) {
  if (system.reclaim == nullptr) return true;
  const folio::GroupId group = system.reclaim->group_of(first);
  for (PageCount i(1); i < order.pages(); i += PageCount(1))
    if (system.reclaim->group_of(first + i) != group) return false;
  return true;
}

// Whether the entries of the aligned block are slots in a row, alike in being
// stored or being zeroes, and none of them in the cache.
bool can_swap_in(const SwapFault& f, Order order) {
  const System& system = f.system();
  const auto index = static_cast<std::uint32_t>(f.addr.page_number() & (order.pages().raw() - 1));
  const auto n = static_cast<std::uint32_t>(order.pages().raw());
  const Entry* const first = f.pte - index;
  if (!Native::is_swap(*first) || Native::advance_swap(*first, index) != *f.pte) return false;
  if (swap_pte_batch(first, n) != n) return false;
  const SwapEntry entry = Native::swap_entry(*first);
  if (!system.swap.alike_in_zeroes(entry, order.pages())) return false;
  for (std::uint32_t i = 0; i < n; ++i)
    if (system.swap.cached(entry + PageCount(i)).valid()) return false;
  return of_one_group(system, entry, order);
}

// The sizes worth trying: as the settings of now say, where address and slot lie alike.
OrderSet orders_to_swap_in(const SwapFault& f) {
  if (f.system().settings.policy->swap_in == policy::SwapIn::kSingle) return {};
  if (f.system().swap.zswap_ever_enabled()) return {};
  OrderSet orders = fault_orders(f.mm, f.vma, f.addr);
  const std::uint64_t slot = f.entry().slot();
  const auto lie_alike = [&](Order order) {
    const std::uint64_t mask = order.pages().raw() - 1;
    return (f.addr.page_number() & mask) == (slot & mask);
  };
  while (!orders.empty() && !(lie_alike(orders.highest()) && can_swap_in(f, orders.highest())))
    orders = orders.without(orders.highest());
  return orders;
}

std::optional<Pfn> allocate_large(const SwapFault& f, OrderSet orders) {
  for (; !orders.empty(); orders = orders.without(orders.highest())) {
    const auto head =
        alloc_swapped_folio(f.system(), f.entry(), orders.highest(), large_folio_effort(f.system(), f.vma));
    if (head) return *head;
    f.mm.counters().add(MthpStat::swpin_fallback, orders.highest());
    if (head.error() == NoFolio::kCharge)
      f.mm.counters().add(MthpStat::swpin_fallback_charge, orders.highest());
  }
  return std::nullopt;
}

using Read = Result<SwappedIn, FaultResult>;

FaultResult lost(const SwapFault& f, swap::IoError why) {
  f.system().note_swap_loss(f.mm.id(), f.addr, f.entry(), why);
  return FaultResult::kBus;
}

// Reads what belongs into the fresh folio.
Read fill(const SwapFault& f, Pfn head) {
  const Order order = f.mm.folios().order_of(head);
  const std::uint64_t aligned = f.entry().slot() & ~(order.pages().raw() - 1);
  const SwapEntry first(f.entry().device(), aligned);
  if (const auto done = f.system().swap.read(first, head, order); !done) {
    f.mm.folios().put(head);
    return std::unexpected(lost(f, done.error()));
  }
  if (f.system().reclaim != nullptr) f.system().reclaim->refaulted(head, first);
  return SwappedIn{head, first};
}

Read read_past_cache(const SwapFault& f) {
  auto head = allocate_large(f, orders_to_swap_in(f));
  if (!head)
    if (const auto small = alloc_swapped_folio(f.system(), f.entry(), kOrder0)) head = *small;
  if (!head) return std::unexpected(FaultResult::kOom);
  return fill(f, *head);
}

// --- A folio by way of the cache ---

Read in_cache(const SwapFault& f, Pfn page) {
  const Pfn head = f.mm.folios().head_of(page);
  f.mm.folios().get(head);
  return SwappedIn{head, *f.system().swap.entry_of(head), true};
}

Read read_ahead(const SwapFault& f) {
  const auto page = f.system().swap_readahead.read(f.mm, f.vma, f.addr);
  if (!page) return std::unexpected(lost(f, page.error()));
  if (!*page) return std::unexpected(FaultResult::kOom);
  return in_cache(f, **page);
}

// Under policies that have it: large, for everybody who has the entries.
Read read_into_cache(const SwapFault& f) {
  if (f.system().settings.policy->swap_in == policy::SwapIn::kAlsoCached) {
    if (const auto head = allocate_large(f, orders_to_swap_in(f))) {
      SwappedIn in = QUIRE_TRY(fill(f, *head));
      add_to_swap_cache(f.system(), in.head, in.first);
      in.cached = true;
      return in;
    }
  }
  return read_ahead(f);
}

bool goes_past_cache(const SwapFault& f) {
  const System& system = f.system();
  return system.swap.traits(f.entry().device()).synchronous && system.swap.count(f.entry()) == 1;
}

// --- Mapping it ---

// All of a folio whose entries are all there, in one mapping and one table; else the one page.
Run run_of(const SwapFault& f, const SwappedIn& in) {
  const Order order = f.mm.folios().order_of(in.head);
  const std::uint64_t index = f.entry().slot() - in.first.slot();
  const Run alone{f.pte, f.addr.align_down(), in.head + PageCount(index)};
  if (order == kOrder0) return alone;
  if (f.addr.page_number() < index) return alone;
  const VirtAddr begin = f.addr.align_down() - PageCount(index);
  const VirtAddr block = f.addr.align_down(kOrderPmd);
  if (begin < std::max(block, f.vma.begin())) return alone;
  if (begin + order.bytes() > std::min(block + kOrderPmd.bytes(), f.vma.end())) return alone;
  Entry* const first = f.pte - index;
  const auto n = static_cast<std::uint32_t>(order.pages().raw());
  if (!Native::is_swap(*first) || Native::advance_swap(*first, index) != *f.pte ||
      swap_pte_batch(first, n) != n)
    return alone;
  return {first, begin, in.head, n};
}

// Whether the slots are worth keeping for a folio that is in memory.
bool should_free_swap(const SwapFault& f, Pfn head) {
  folio::Folios& folios = f.mm.folios();
  if (f.system().memory.frame(head).swapcache == 0) return false;
  if (swap_full(f.system()) || f.vma.flags.has(VmFlag::kLocked) || folios.mlocked(head)) return true;
  return f.writes() && folios.refcount(head) == 1 + folios.cache_refs(head);
}

void count_map(const SwapFault& f, const SwappedIn& in, const Run& run, folio::Exclusive exclusive) {
  folio::Folios& folios = f.mm.folios();
  if (folios.is_anon(in.head)) return add_anon_rmap_ptes(f.mm, f.vma, run.page, run.n, exclusive);
  if (exclusive == folio::Exclusive::kNo)
    return add_swapped_in_shared_anon_rmap(f.mm, f.vma, in.head, run.addr, run.n);
  add_swapped_in_anon_rmap(f.mm, f.vma, in.head, run.addr, folio::MappedBy::kPtes);
}

// Puts the pages in place of the entries. True when a write still has to copy.
bool map_swapped_in(const SwapFault& f, const SwappedIn& in) {
  const Run run = run_of(f, in);
  folio::Folios& folios = f.mm.folios();
  f.system().swap.restore_tags(in.first, in.head, folios.order_of(in.head));
  bool exclusive = !in.cached || Native::is_swap_exclusive(*f.pte);
  f.mm.tables().clear_ptes(run.pte, run.n);
  f.system().swap.put(in.first + (run.page - in.head), PageCount(run.n));
  if (should_free_swap(f, in.head)) free_swap(f.system(), in.head);
  f.mm.rss().add_anon(PageCount(run.n));
  f.mm.rss().sub_swap(PageCount(run.n));
  exclusive = exclusive || folios.refcount(in.head) == 1;
  Entry e = Native::make_young(Native::leaf(run.page, page_prot(f.vma)));
  bool served = !f.writes();
  if (exclusive && f.vma.flags.has(VmFlag::kWrite)) {
    e = Native::make_writable(e);
    if (f.writes()) e = Native::make_dirty(e);
    served = true;
  }
  // The fault's own reference becomes that of the first entry.
  folios.get(in.head, run.n - 1);
  count_map(f, in, run, exclusive ? folio::Exclusive::kYes : folio::Exclusive::kNo);
  f.mm.tables().set_ptes(run.pte, e, run.n);
  return !served;
}

}  // namespace

FaultResult do_swap_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte, AccessKind kind) {
  const SwapFault f{mm, vma, addr, &pte, kind};
  FaultResult result = FaultResult::kMinor;
  Read in = std::unexpected(FaultResult::kOom);
  if (const Pfn page = mm.system().swap.cached(f.entry()); page.valid()) {
    in = in_cache(f, page);
    mm.system().swap_readahead.found(vma, addr, in->head);
  } else {
    result = FaultResult::kMajor;
    in = goes_past_cache(f) ? read_past_cache(f) : read_into_cache(f);
    if (!in && in.error() == FaultResult::kOom) return FaultResult::kOom;
    mm.counters().add(VmEvent::pgmajfault);
  }
  if (!in) return in.error();
  if (!map_swapped_in(f, *in)) return result;
  const FaultResult copied = do_wp_page(mm, vma, addr, pte);
  return is_served(copied) ? result : copied;
}

void willneed_swapped(AddressSpace& mm, VirtRange range) {
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    if (Native::is_leaf(pmd)) return;
    const VirtAddr end = std::min(block + kOrderPmd.bytes(), range.end);
    for (VirtAddr at = std::max(block, range.begin); at < end; at += PageCount(1)) {
      const Entry e = *mm.tables().pte(pmd, at);
      if (Native::is_swap(e)) (void)mm.system().swap_readahead.read_into_cache(Native::swap_entry(e));
    }
  });
}

}  // namespace quire::vm
