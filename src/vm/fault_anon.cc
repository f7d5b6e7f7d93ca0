#include "vm/fault_anon.h"

#include <algorithm>

#include "arch/skip_empty.h"
#include "base/check.h"
#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/large_copy.h"
#include "vm/rmap.h"

namespace quire::vm {

using folio::MappedBy;
using stats::MthpStat;

namespace {

bool has_none(const Entry* first, std::uint64_t n) {
  return std::any_of(first, first + n, [](Entry e) { return Native::is_none(e); });
}

// The sizes worth trying, largest first: the first that passes keeps all smaller ones. That a size does not
// fit, or that its block is not empty, moves no counter.
OrderSet suitable_orders(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry pmd) {
  OrderSet orders = fault_orders(mm, vma, addr);
  while (!orders.empty()) {
    const Order order = orders.highest();
    if (all_none(mm.tables().pte(pmd, addr.align_down(order)), order.pages().raw())) {
      if (!mm.system().settings.anon_beside_full || is_beside_full(mm, vma, addr, pmd, order)) break;
      mm.counters().add(MthpStat::anon_fault_declined, order);
    }
    orders = orders.without(order);
  }
  return orders;
}

// Each size that cannot be had counts once; the base page counts nothing.
std::optional<FreshFolio> allocate(AddressSpace& mm, const Vma& vma, OrderSet orders) {
  const phys::Effort effort = large_folio_effort(mm.system(), vma);
  while (!orders.empty()) {
    const Order order = orders.highest();
    const auto head = alloc_folio(mm, order, effort);
    if (head) return FreshFolio{*head, order};
    mm.counters().add(MthpStat::anon_fault_fallback, order);
    if (head.error() == NoFolio::kCharge) mm.counters().add(MthpStat::anon_fault_fallback_charge, order);
    orders = orders.without(order);
  }
  if (const auto head = alloc_folio(mm, kOrder0)) return FreshFolio{*head, kOrder0};
  return std::nullopt;
}

}  // namespace

bool all_none(const Entry* first, std::uint64_t n) { return arch::skip_empty(first, first + n) == first + n; }

bool is_beside_full(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry pmd, Order order) {
  const ByteCount size = order.bytes();
  const VirtAddr block = addr.align_down(order);
  const VirtAddr table = addr.align_down(kOrderPmd);
  const auto is_full = [&](VirtAddr at) {
    return vma.range.covers({at, at + size}) && !has_none(mm.tables().pte(pmd, at), order.pages().raw());
  };
  if (block != table && is_full(block - size)) return true;
  return block + size != table + kOrderPmd.bytes() && is_full(block + size);
}

OrderSet fitting_orders(const Vma& vma, VirtAddr addr, OrderSet orders) {
  // Only the top is cut: the first size that fits keeps all smaller ones.
  while (!orders.empty() && !vma.block_fits(addr, orders.highest()))
    orders = orders.without(orders.highest());
  return orders;
}

OrderSet allowed_fault_orders(const AddressSpace& mm, const Vma& vma) {
  const System& system = mm.system();
  const OrderSet orders = policy::allowed_anon_orders(system.settings, system.masks, mm.thp, hints_of(vma),
                                                      policy::Caller::pagefault);
  return system.settings.policy->foresight == policy::Foresight::kNone ? orders : orders & system.foreseen;
}

OrderSet fault_orders(AddressSpace& mm, const Vma& vma, VirtAddr addr) {
  if (vma.uffd_armed() || mm.system().possible_orders.below(kOrderPmd).empty()) return {};
  return fitting_orders(vma, addr, allowed_fault_orders(mm, vma).below(kOrderPmd));
}

void map_anon_ptes(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry pmd, FreshFolio fresh, WpKind kind) {
  const VirtAddr block = addr.align_down(fresh.order);
  const auto pages = static_cast<std::uint32_t>(fresh.order.pages().raw());
  if (pages > 1) mm.folios().get(fresh.head, pages - 1);
  add_new_anon_rmap(mm, vma, fresh.head, block, MappedBy::kPtes);
  Entry e = Native::make_young(Native::leaf(fresh.head, page_prot(vma)));
  if (kind == WpKind::kWrite) e = Native::make_dirty(maybe_writable(e, vma));
  mm.tables().set_ptes(mm.tables().pte(pmd, block), e, pages);
}

FaultResult do_anonymous_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd, AccessKind kind) {
  if (Native::is_none(pmd) && !mm.tables().alloc_pte_table(pmd)) return FaultResult::kOom;
  if (vma.flags.has(VmFlag::kUffdMissing)) {
    if (kind == AccessKind::kWrite) mm.mappings().anon_vma_prepare(vma);
    return FaultResult::kBus;
  }
  if (kind != AccessKind::kWrite) {
    if (map_zero_folio(mm, vma, addr, pmd)) return FaultResult::kMinor;
    mm.tables().set_pte(
        mm.tables().pte(pmd, addr),
        Native::make_young(Native::make_special(Native::leaf(mm.system().zero_page, page_prot(vma)))));
    return FaultResult::kMinor;
  }
  mm.mappings().anon_vma_prepare(vma);
  if (mm.system().settings.policy->collapse_orders != nullptr)
    mm.system().khugepaged.enter_vma(mm, vma, vma.flags);
  const auto fresh = allocate(mm, vma, suitable_orders(mm, vma, addr, pmd));
  if (!fresh) return FaultResult::kOom;
  mm.memory().zero(fresh->head, fresh->order);
  if (fresh->order != kOrder0) mm.counters().add(MthpStat::anon_fault_alloc, fresh->order);
  mm.rss().add_anon(fresh->order.pages());
  map_anon_ptes(mm, vma, addr, pmd, *fresh, WpKind::kWrite);
  return FaultResult::kMinor;
}

}  // namespace quire::vm
