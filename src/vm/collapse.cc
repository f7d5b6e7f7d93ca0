#include "vm/collapse.h"

#include <algorithm>
#include <limits>

#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/huge_pmd.h"
#include "vm/rmap.h"
#include "vm/swap_cache.h"
#include "vm/swap_in.h"

namespace quire::vm {
namespace {

using stats::VmEvent;

// What was met so far in one block.
struct Tally {
  std::uint32_t none_or_zero = 0;
  std::uint32_t unmapped = 0;  // neither empty nor present: in swap, or guard markers
  std::uint32_t shared = 0;
  std::uint32_t referenced = 0;
};

// Tests one entry, in the kernel's order; kSucceed to go on.
ScanResult scan_entry(AddressSpace& mm, const Vma& vma, Entry e, const CollapseLimits& limits, Tally& tally) {
  if (none_or_zero(e)) {
    if (!vma.uffd_armed() && ++tally.none_or_zero <= limits.max_ptes_none) return ScanResult::kSucceed;
    mm.counters().add(VmEvent::thp_scan_exceed_none_pte);
    return ScanResult::kExceedNonePte;
  }
  if (!Native::is_present(e)) {
    if (++tally.unmapped <= limits.max_ptes_swap) return ScanResult::kSucceed;
    mm.counters().add(VmEvent::thp_scan_exceed_swap_pte);
    return ScanResult::kExceedSwapPte;
  }
  folio::Folios& folios = mm.folios();
  const Pfn head = folios.head_of(Native::pfn(e));
  if (!folios.is_anon(head)) return ScanResult::kPageAnon;
  // A page counts as shared when any page of its folio may be.
  if (folios.maybe_mapped_shared(head) && ++tally.shared > limits.max_ptes_shared) {
    mm.counters().add(VmEvent::thp_scan_exceed_share_pte);
    return ScanResult::kExceedSharedPte;
  }
  if (folios.refcount(head) != folios.expected_refs(head)) return ScanResult::kPageCount;
  if (Native::is_young(e)) ++tally.referenced;
  return ScanResult::kSucceed;
}

ScanResult scan(AddressSpace& mm, const Vma& vma, const Entry* first, const CollapseLimits& limits,
                Tally& tally) {
  for (const Entry* e = first; e != first + kPagesPerPmd; ++e) {
    const ScanResult result = scan_entry(mm, vma, mm.tables().ptep_get(e), limits, tally);
    if (result != ScanResult::kSucceed) return result;
  }
  if (limits.referenced == CollapseLimits::Referenced::kNotNeeded) return ScanResult::kSucceed;
  const bool enough = tally.referenced > 0 && (tally.unmapped == 0 || tally.referenced >= kPagesPerPmd / 2);
  return enough ? ScanResult::kSucceed : ScanResult::kLackReferencedPage;
}

void copy_pages(AddressSpace& mm, const Entry* from, std::uint32_t n, Pfn to) {
  for (std::uint32_t i = 0; i < n; ++i) {
    const Pfn page = to + PageCount(i);
    if (none_or_zero(from[i])) {
      mm.memory().zero(page, kOrder0);
      continue;
    }
    const Pfn source = Native::pfn(from[i]);
    mm.memory().copy(source, page);
    if (mm.memory().frame(source).touched != 0) mm.folios().mark_touched(page);
  }
}

// Takes the copied pages out of the table; runs of one folio go as one. What
// was not there is from now on.
void release_sources(AddressSpace& mm, const Vma& vma, Entry* const first, Entry* const end) {
  std::uint32_t n = 1;
  for (Entry* e = first; e != end; e += n) {
    n = 1;
    if (none_or_zero(*e)) {
      mm.rss().add_anon(PageCount(1));
      mm.tables().clear_ptes(e, 1);
      continue;
    }
    const Pfn page = Native::pfn(*e);
    const Pfn head = mm.folios().head_of(page);
    if (mm.folios().is_large(head)) n = pte_batch(mm.folios(), e, static_cast<std::uint32_t>(end - e));
    mm.tables().clear_ptes(e, n);
    remove_rmap_ptes(mm, vma, page, n);
    put_folio_and_swap_cache(mm.system(), head, n);
  }
}

// Brings back what is in swap, then looks again. A guard marker refuses.
ScanResult swap_in_block(AddressSpace& mm, Vma& vma, VirtAddr block, Entry* first,
                         const CollapseLimits& limits) {
  for (std::uint32_t i = 0; i < kPagesPerPmd; ++i) {
    if (Native::is_none(first[i]) || Native::is_present(first[i])) continue;
    if (!Native::is_swap(first[i])) return ScanResult::kFail;
    const FaultResult in = do_swap_page(mm, vma, block + PageCount(i), first[i], AccessKind::kRead);
    if (!is_served(in)) return ScanResult::kFail;
  }
  Tally again;
  return scan(mm, vma, first, limits, again);
}

// khugepaged tries as hard as its defrag file says, MADV_COLLAPSE as hard as it can.
phys::Effort effort_of(const System& system, const CollapseLimits& limits) {
  const bool daemon = limits.referenced == CollapseLimits::Referenced::kNeeded;
  return daemon && !system.settings.khugepaged.defrag ? phys::Effort::kNone : phys::Effort::kDirect;
}

ScanResult collapse_huge_page(AddressSpace& mm, Vma& vma, VirtAddr block, Entry& pmd, const Tally& tally,
                              const CollapseLimits& limits) {
  const auto head = alloc_folio(mm, kOrderPmd, effort_of(mm.system(), limits));
  if (!head && head.error() == NoFolio::kMemory) {
    mm.counters().add(VmEvent::thp_collapse_alloc_failed);
    return ScanResult::kAllocHugePageFail;
  }
  mm.counters().add(VmEvent::thp_collapse_alloc);
  if (!head) return ScanResult::kCgroupChargeFail;
  Entry* const first = mm.tables().pte(pmd, block);
  ScanResult in = tally.unmapped != 0 ? swap_in_block(mm, vma, block, first, limits) : ScanResult::kSucceed;
  if (in == ScanResult::kSucceed && !is_all_there(first, kPagesPerPmd)) in = ScanResult::kPteNonPresent;
  if (in != ScanResult::kSucceed) {
    mm.folios().put(*head);
    return in;
  }
  take_over_pages(mm, vma, first, kPagesPerPmd, *head);
  mm.tables().deposit_table(pmd);
  map_anon_pmd(mm, vma, pmd, block, *head, WpKind::kWrite);
  return ScanResult::kSucceed;
}

// Whether MADV_COLLAPSE goes on to the next block after this outcome.
bool goes_on(ScanResult result) {
  switch (result) {
    case ScanResult::kPmdNull:
    case ScanResult::kPteNonPresent:
    case ScanResult::kPteUffdWp:
    case ScanResult::kLackReferencedPage:
    case ScanResult::kPageNull:
    case ScanResult::kPageCount:
    case ScanResult::kPageLock:
    case ScanResult::kPageCompound:
    case ScanResult::kPageLru:
    case ScanResult::kDelPageLru:
      return true;
    default:
      return false;
  }
}

Errno errno_of(ScanResult result) {
  switch (result) {
    case ScanResult::kAllocHugePageFail:
      return Errno::kNoMem;
    case ScanResult::kCgroupChargeFail:
    case ScanResult::kExceedNonePte:
      return Errno::kBusy;
    case ScanResult::kPageCount:
    case ScanResult::kPageLock:
    case ScanResult::kPageLru:
    case ScanResult::kDelPageLru:
    case ScanResult::kPageFilled:
      return Errno::kAgain;
    default:
      return Errno::kInval;
  }
}

}  // namespace

bool is_all_there(const Entry* first, std::uint32_t n) {
  return std::all_of(first, first + n, [](Entry e) { return none_or_zero(e) || Native::is_present(e); });
}

void take_over_pages(AddressSpace& mm, const Vma& vma, Entry* first, std::uint32_t n, Pfn to) {
  copy_pages(mm, first, n, to);
  release_sources(mm, vma, first, first + n);
}

CollapseLimits CollapseLimits::of(const policy::KhugepagedSettings& settings) {
  return {.max_ptes_none = settings.max_ptes_none,
          .max_ptes_swap = settings.max_ptes_swap,
          .max_ptes_shared = settings.max_ptes_shared,
          .referenced = Referenced::kNeeded};
}

CollapseLimits CollapseLimits::forced() {
  constexpr auto kAny = std::numeric_limits<std::uint32_t>::max();
  return {.max_ptes_none = kAny,
          .max_ptes_swap = kAny,
          .max_ptes_shared = kAny,
          .referenced = Referenced::kNotNeeded};
}

bool may_collapse(const AddressSpace& mm, const Vma& vma, VmFlags flags, policy::Caller caller) {
  if (!vma.is_anonymous() || vma.anon_vma == nullptr) return false;
  const System& system = mm.system();
  const policy::Facts facts{system.settings, system.masks, mm.thp, hints_of(flags), caller};
  const auto decide = system.settings.policy->collapse_orders;
  const OrderSet orders =
      decide != nullptr
          ? decide(facts)
          : policy::allowed_anon_orders(facts.settings, facts.masks, facts.process, facts.hints, caller) &
                OrderSet::of(kOrderPmd);
  return !orders.empty() && policy::orders_below_end(OrderSet::of(kOrderPmd), vma.range).contains(kOrderPmd);
}

Collapse collapse_block(AddressSpace& mm, Vma& vma, VirtAddr block, const CollapseLimits& limits) {
  Entry* const pmd = mm.tables().find_pmd(block);
  if (pmd == nullptr) return {.result = ScanResult::kPmdNull};
  if (Native::is_none(*pmd)) return {.result = ScanResult::kPmdNone};
  if (Native::is_leaf(*pmd)) return {.result = ScanResult::kPmdMapped};
  Tally tally;
  const ScanResult result = scan(mm, vma, mm.tables().pte(*pmd, block), limits, tally);
  if (result != ScanResult::kSucceed) return {.result = result};
  return {.result = collapse_huge_page(mm, vma, block, *pmd, tally, limits), .attempted = true};
}

Result<void, Errno> madvise_collapse(AddressSpace& mm, Vma& vma, VirtRange range) {
  if (!may_collapse(mm, vma, vma.flags, policy::Caller::forced_collapse)) return fail(Errno::kInval);
  const VirtAddr begin = range.begin.align_up(kOrderPmd);
  const VirtAddr end = range.end.align_down(kOrderPmd);
  if (end < begin) return fail(Errno::kInval);  // not even a boundary inside; an empty middle is a success
  ScanResult failure = ScanResult::kSucceed;
  for (VirtAddr block = begin; block < end; block += kOrderPmd.bytes()) {
    const ScanResult result = collapse_block(mm, vma, block, CollapseLimits::forced()).result;
    if (result == ScanResult::kSucceed || result == ScanResult::kPmdMapped) continue;
    failure = result;
    if (!goes_on(result)) break;
  }
  if (failure != ScanResult::kSucceed) return fail(errno_of(failure));
  return {};
}

}  // namespace quire::vm
