#include "vm/large_copy.h"

#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/fault_anon.h"
#include "vm/rmap.h"
#include "vm/swap_cache.h"

namespace quire::vm {
namespace {

using stats::VmEvent;

constexpr Order kZeroFolioOrder = policy::k64K;

bool all_none_or_zero(const Entry* first, std::uint64_t n) {
  for (const Entry* e = first; e != first + n; ++e)
    if (!none_or_zero(*e)) return false;
  return true;
}

// The block is mapped by consecutive pages of this folio, none of them the
// program's own: an own page may be pinned, and moving it would break the pin.
bool all_shared_of(AddressSpace& mm, const Entry* first, std::uint32_t n, Pfn head) {
  const Entry e = pagetable::PageTable::ptep_get(first);
  if (!Native::is_present(e) || Native::is_special(e)) return false;
  const Pfn page = Native::pfn(e);
  if (mm.folios().head_of(page) != head || pte_batch(mm.folios(), first, n) != n) return false;
  for (std::uint32_t i = 0; i < n; ++i)
    if (mm.memory().frame(page + PageCount(i)).anon_exclusive != 0) return false;
  return true;
}

// The largest order of `orders` whose block `fits`, allocated; smaller ones
// as frames run out.
template <typename Fits>
std::optional<FreshFolio> allocate_fitting(AddressSpace& mm, const Vma& vma, OrderSet orders, Fits fits) {
  const phys::Effort effort = large_folio_effort(mm.system(), vma);
  for (; !orders.empty(); orders = orders.without(orders.highest())) {
    const Order order = orders.highest();
    if (!fits(order)) continue;
    if (const auto head = alloc_folio(mm, order, effort)) return FreshFolio{*head, order};
    mm.counters().add(VmEvent::quire_cow_fallback);
  }
  return std::nullopt;
}

OrderSet cow_orders(AddressSpace& mm, const Vma& vma, VirtAddr addr) {
  const System& system = mm.system();
  if (vma.uffd_armed()) return {};
  const OrderSet orders = system.settings.policy->cow_orders(
      {system.settings, system.masks, mm.thp, hints_of(vma), policy::Caller::pagefault});
  return fitting_orders(vma, addr, orders.below(kOrderPmd));
}

}  // namespace

bool map_zero_folio(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd) {
  const Pfn zero = mm.system().zero_folio;
  if (!zero.valid() || !fault_orders(mm, vma, addr).contains(kZeroFolioOrder)) return false;
  Entry* const first = mm.tables().pte(pmd, addr.align_down(kZeroFolioOrder));
  const auto pages = static_cast<std::uint32_t>(kZeroFolioOrder.pages().raw());
  if (!all_none(first, pages)) return false;
  mm.tables().set_ptes(first, Native::make_young(Native::make_special(Native::leaf(zero, page_prot(vma)))),
                       pages);
  mm.counters().add(VmEvent::quire_zero_folios);
  return true;
}

bool expand_zero_pages(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd) {
  const auto block = [&](Order order) { return mm.tables().pte(pmd, addr.align_down(order)); };
  const auto fresh = allocate_fitting(mm, vma, fault_orders(mm, vma, addr), [&](Order order) {
    return all_none_or_zero(block(order), order.pages().raw());
  });
  if (!fresh) return false;
  mm.mappings().anon_vma_prepare(vma);
  mm.memory().zero(fresh->head, fresh->order);
  mm.tables().clear_ptes(block(fresh->order), static_cast<std::uint32_t>(fresh->order.pages().raw()));
  mm.rss().add_anon(fresh->order.pages());
  map_anon_ptes(mm, vma, addr, pmd, *fresh, WpKind::kWrite);
  mm.counters().add(VmEvent::quire_zero_expands);
  return true;
}

bool copy_large(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd, WpKind kind) {
  const Pfn head =
      mm.folios().head_of(Native::pfn(pagetable::PageTable::ptep_get(mm.tables().pte(pmd, addr))));
  if (!mm.folios().is_large(head)) return false;
  const auto block = [&](Order order) { return mm.tables().pte(pmd, addr.align_down(order)); };
  const auto pages_of = [](Order order) { return static_cast<std::uint32_t>(order.pages().raw()); };
  mm.mappings().anon_vma_prepare(vma);
  const auto fresh = allocate_fitting(mm, vma, cow_orders(mm, vma, addr), [&](Order order) {
    return all_shared_of(mm, block(order), pages_of(order), head);
  });
  if (!fresh) return false;
  const std::uint32_t pages = pages_of(fresh->order);
  Entry* const first = block(fresh->order);
  const Pfn source = Native::pfn(*first);
  for (std::uint32_t i = 0; i < pages; ++i)
    mm.memory().copy(source + PageCount(i), fresh->head + PageCount(i));
  mm.tables().clear_ptes(first, pages);
  map_anon_ptes(mm, vma, addr, pmd, *fresh, kind);
  remove_rmap_ptes(mm, vma, source, pages);
  put_folio_and_swap_cache(mm.system(), head, pages);
  mm.counters().add(VmEvent::thp_cow);
  mm.counters().add(VmEvent::quire_cow_pages, pages);
  return true;
}

}  // namespace quire::vm
