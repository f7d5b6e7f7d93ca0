#include "vm/collapse_mthp.h"

#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/fault_anon.h"

namespace quire::vm {
namespace {

using stats::MthpStat;

// An aligned piece of a block, on its way to become a folio.
struct Piece {
  AddressSpace& mm;
  Vma& vma;
  Entry pmd;
  VirtAddr begin;
  Order order;
  const CollapseLimits& limits;

  [[nodiscard]] Entry* first() const { return mm.tables().pte(pmd, begin); }
  [[nodiscard]] std::uint32_t pages() const { return static_cast<std::uint32_t>(order.pages().raw()); }
  ScanResult refuse(MthpStat stat, ScanResult result) const {
    mm.counters().add(stat, order);
    return result;
  }
};

// Whether one folio of the size, or a larger one, stands there as it should.
bool is_collapsed(const Piece& piece) {
  const Entry e = pagetable::PageTable::ptep_get(piece.first());
  if (!Native::is_present(e) || Native::is_special(e)) return false;
  const Pfn head = piece.mm.folios().head_of(Native::pfn(e));
  return piece.mm.folios().order_of(head) >= piece.order &&
         pte_batch(piece.mm.folios(), piece.first(), piece.pages()) == piece.pages();
}

ScanResult scan(const Piece& piece) {
  folio::Folios& folios = piece.mm.folios();
  const std::uint32_t most_none = piece.limits.max_ptes_none >> (kPmdOrder - piece.order.raw());
  std::uint32_t none = 0;
  bool referenced = false;
  for (const Entry* e = piece.first(); e != piece.first() + piece.pages(); ++e) {
    if (none_or_zero(*e)) {
      if (++none > most_none || piece.vma.uffd_armed())
        return piece.refuse(MthpStat::collapse_exceed_none_pte, ScanResult::kExceedNonePte);
      continue;
    }
    if (!Native::is_present(*e))
      return piece.refuse(MthpStat::collapse_exceed_swap_pte, ScanResult::kExceedSwapPte);
    const Pfn head = folios.head_of(Native::pfn(*e));
    if (!folios.is_anon(head)) return ScanResult::kPageAnon;
    if (folios.maybe_mapped_shared(head))
      return piece.refuse(MthpStat::collapse_exceed_shared_pte, ScanResult::kExceedSharedPte);
    if (folios.refcount(head) != folios.expected_refs(head)) return ScanResult::kPageCount;
    referenced = referenced || Native::is_young(pagetable::PageTable::ptep_get(e));
  }
  if (none == piece.pages()) return ScanResult::kPageNull;
  return referenced ? ScanResult::kSucceed : ScanResult::kLackReferencedPage;
}

ScanResult collapse_piece(const Piece& piece) {
  const ScanResult result = scan(piece);
  if (result != ScanResult::kSucceed) return result;
  const auto head = alloc_folio(piece.mm, piece.order);
  if (!head && head.error() == NoFolio::kMemory)
    return piece.refuse(MthpStat::collapse_alloc_failed, ScanResult::kAllocHugePageFail);
  piece.mm.counters().add(MthpStat::collapse_alloc, piece.order);
  if (!head) return ScanResult::kCgroupChargeFail;
  if (!is_all_there(piece.first(), piece.pages())) {
    piece.mm.folios().put(*head);
    return ScanResult::kPteNonPresent;
  }
  take_over_pages(piece.mm, piece.vma, piece.first(), piece.pages(), *head);
  map_anon_ptes(piece.mm, piece.vma, piece.begin, piece.pmd, {*head, piece.order}, WpKind::kWrite);
  return ScanResult::kSucceed;
}

// The piece, or else its halves, and so on down to the smallest size.
bool collapse_largest(const Piece& piece, OrderSet orders) {
  if (orders.below(Order(piece.order.raw() + 1)).empty()) return false;
  if (orders.contains(piece.order)) {
    if (is_collapsed(piece)) return false;
    if (collapse_piece(piece) == ScanResult::kSucceed) return true;
  }
  Piece half = piece;
  half.order = Order(piece.order.raw() - 1);
  const bool lower = collapse_largest(half, orders);
  half.begin += half.order.bytes();
  return collapse_largest(half, orders) || lower;
}

// Outcomes of the look that speak of 2 MiB only: smaller pieces may do.
bool smaller_may_do(ScanResult result) {
  switch (result) {
    case ScanResult::kPmdNull:
    case ScanResult::kPmdNone:
    case ScanResult::kPmdMapped:
    case ScanResult::kSucceed:
      return false;
    default:
      return true;
  }
}

}  // namespace

OrderSet collapse_orders(const AddressSpace& mm, const Vma& vma, policy::Caller caller) {
  const System& system = mm.system();
  const auto decide = system.settings.policy->collapse_orders;
  if (decide == nullptr) return OrderSet::of(kOrderPmd);
  return decide({system.settings, system.masks, mm.thp, hints_of(vma), caller});
}

Collapse collapse_block_to(AddressSpace& mm, Vma& vma, VirtAddr block, const CollapseLimits& limits,
                           OrderSet orders) {
  Collapse whole;
  if (orders.contains(kOrderPmd)) {
    whole = collapse_block(mm, vma, block, limits);
    if (!smaller_may_do(whole.result)) return whole;
  }
  const OrderSet smaller = orders.below(kOrderPmd);
  Entry* const pmd = mm.tables().find_pmd(block);
  if (smaller.empty() || pmd == nullptr || Native::is_none(*pmd) || Native::is_leaf(*pmd)) return whole;
  const Piece all{mm, vma, *pmd, block, kOrderPmd, limits};
  if (collapse_largest(all, smaller)) return {.result = ScanResult::kSucceed, .attempted = true};
  return whole;
}

}  // namespace quire::vm
