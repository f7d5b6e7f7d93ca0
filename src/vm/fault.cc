#include "vm/fault.h"

#include "vm/charge.h"
#include "vm/fault_anon.h"
#include "vm/fault_file.h"
#include "vm/huge_pmd.h"
#include "vm/swap_in.h"
#include "vm/wp.h"

namespace quire::vm {
namespace {

constexpr Access wanted(AccessKind kind) {
  return {.read = kind == AccessKind::kRead,
          .write = kind == AccessKind::kWrite,
          .exec = kind == AccessKind::kExec};
}

// What the fault handler notes in an entry.
Entry touch(Entry e, AccessKind kind) {
  e = Native::make_young(e);
  return kind == AccessKind::kWrite ? Native::make_dirty(e) : e;
}

// Whether the mapping's protection allows the access; a page fault checks
// this before it does anything.
bool permitted(const Vma& vma, AccessKind kind) {
  switch (kind) {
    case AccessKind::kWrite:
      return vma.flags.has(VmFlag::kWrite);
    case AccessKind::kExec:
      return vma.flags.has(VmFlag::kExec);
    case AccessKind::kRead:
      return vma.flags.has_any(kVmAccessFlags);
  }
  return false;
}

// The mapping for a fault at `addr`, growing a stack down to it where allowed.
Vma* find_for_fault(AddressSpace& mm, VirtAddr addr) {
  if (Vma* const vma = mm.mappings().find(addr)) return vma;
  Vma* const above = mm.mappings().find_first_from(addr);
  if (above == nullptr || !above->flags.has(VmFlag::kGrowsDown)) return nullptr;
  if (above->end() - addr.align_down() > mm.limits.stack) return nullptr;
  if (!mm.mappings().expand_downwards(*above, addr)) return nullptr;
  mm.note_growth(*above);
  return mm.mappings().find(addr);
}

FaultResult handle_pte_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd, AccessKind kind) {
  Entry* const pte = Native::is_none(pmd) ? nullptr : mm.tables().pte(pmd, addr);
  if (pte == nullptr || Native::is_none(*pte)) {
    return vma.is_anonymous() ? do_anonymous_page(mm, vma, addr, pmd, kind)
                              : do_file_fault(mm, vma, addr, pmd, kind);
  }
  if (Native::is_swap(*pte)) return do_swap_page(mm, vma, addr, *pte, kind);
  if (Native::is_guard(*pte)) return FaultResult::kSegv;
  if (kind == AccessKind::kWrite && !Native::is_writable(*pte)) return do_wp_page(mm, vma, addr, *pte);
  mm.tables().set_access_flags(
      pte, touch(mm.tables().ptep_get(pte), kind));  // a spurious fault: someone was faster
  return FaultResult::kMinor;
}

// Says for what is made meanwhile why it is no larger, where somebody asked.
class NotedFault {
 public:
  NotedFault(AddressSpace& mm, const Vma& vma, VirtAddr addr) : reasons_(mm.system().reasons.get()) {
    if (reasons_ != nullptr) [[unlikely]]
      reasons_->begin_fault(mm, vma, addr);
  }
  ~NotedFault() {
    if (reasons_ != nullptr) [[unlikely]]
      reasons_->end_fault();
  }
  NotedFault(const NotedFault&) = delete;
  NotedFault& operator=(const NotedFault&) = delete;

 private:
  FolioReasons* const reasons_;
};

FaultResult serve_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind) {
  mm.counters().add(stats::VmEvent::pgfault);
  Entry* const pmd = mm.tables().alloc_pmd_as_is(addr);
  if (pmd == nullptr) return FaultResult::kOom;
  if (Native::is_swap(*pmd)) [[unlikely]] {
    if (const auto done = do_swap_pmd(mm, vma, addr, *pmd, kind)) return *done;
    static_cast<void>(mm.tables().find_pmd(addr));  // a table of it, and page by page
  }
  HugeFault huge = HugeFault::kFallback;
  if (Native::is_none(*pmd)) {
    const auto& system = mm.system();
    if (vma.is_anonymous() && system.possible_orders.contains(kOrderPmd) &&
        allowed_fault_orders(mm, vma).contains(kOrderPmd)) {
      huge = do_huge_pmd_anonymous_page(mm, vma, addr, *pmd, kind);
    }
  } else if (Native::is_leaf(*pmd)) {
    if (kind == AccessKind::kWrite && !Native::is_writable(*pmd)) {
      huge = do_huge_pmd_wp_page(mm, vma, addr, *pmd);
    } else {
      *pmd = touch(*pmd, kind);
      huge = HugeFault::kDone;
    }
  }
  if (huge == HugeFault::kDone) return FaultResult::kMinor;
  if (huge == HugeFault::kOom) return FaultResult::kOom;
  if (huge == HugeFault::kBus) return FaultResult::kBus;
  return handle_pte_fault(mm, vma, addr, *pmd, kind);
}

}  // namespace

Pfn mapped_frame(AddressSpace& mm, VirtAddr addr) {
  const Entry* const pmd = mm.tables().peek_pmd(addr);
  if (pmd == nullptr || !Native::is_present(*pmd)) return Pfn::invalid();
  if (Native::is_leaf(*pmd))
    return Native::pfn(*pmd) + pages_between(addr.align_down(kOrderPmd), addr.align_down());
  const Entry e = *mm.tables().pte(*pmd, addr);
  return Native::is_present(e) ? Native::pfn(e) : Pfn::invalid();
}

void mark_accessed(AddressSpace& mm, VirtAddr addr, AccessKind kind) {
  const Pfn page = mapped_frame(mm, addr);
  if (!page.valid() || mm.memory().frame(page).kind() == phys::FrameKind::kReserved) return;
  mm.folios().mark_touched(page);
  if (auto* const reasons = mm.system().reasons.get(); reasons != nullptr && kind == AccessKind::kWrite)
      [[unlikely]]
    reasons->wrote(page);
}

bool is_guarded(AddressSpace& mm, VirtAddr addr) {
  const Entry* const e = mm.tables().peek(addr);
  return e != nullptr && Native::is_guard(*e);
}

FaultResult handle_mm_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind) {
  const CurrentMm current(mm);
  if (mm.system().reclaim != nullptr) [[unlikely]]
    mm.system().reclaim->before_fault(mm);
  if (mm.oom_killed) return FaultResult::kOom;
  const NotedFault noted(mm, vma, addr);
  return serve_fault(mm, vma, addr, kind);
}

FaultResult unshare(AddressSpace& mm, VirtAddr addr) {
  if (const FaultResult read = access(mm, addr, AccessKind::kRead); !is_served(read)) return read;
  Vma& vma = *mm.mappings().find(addr);
  Entry& pmd = *mm.tables().find_pmd(addr);
  const Pfn page = mapped_frame(mm, addr);
  const Pfn head = mm.folios().head_of(page);
  const bool huge = Native::is_leaf(pmd);
  if (!mm.folios().is_anon(head) || mm.memory().frame(huge ? head : page).anon_exclusive != 0)
    return FaultResult::kHit;
  mm.counters().add(stats::VmEvent::pgfault);
  mm.counters().add(stats::VmEvent::quire_unshares);
  const NotedFault noted(mm, vma, addr);
  if (huge && do_huge_pmd_wp_page(mm, vma, addr, pmd, WpKind::kUnshare) == HugeFault::kDone)
    return FaultResult::kMinor;
  return do_wp_page(mm, vma, addr, *mm.tables().pte(pmd, addr), WpKind::kUnshare);
}

FaultResult access(AddressSpace& mm, VirtAddr addr, AccessKind kind) {
  if (Entry* const e = mm.tables().peek(addr); e != nullptr && Native::allows(*e, wanted(kind))) {
    *e = Native::hardware_touch(*e, wanted(kind));
    mark_accessed(mm, addr, kind);
    return FaultResult::kHit;
  }
  Vma* const vma = find_for_fault(mm, addr);
  if (vma == nullptr || !permitted(*vma, kind)) return FaultResult::kSegv;
  const FaultResult result = handle_mm_fault(mm, *vma, addr, kind);
  if (is_fault(result)) mark_accessed(mm, addr, kind);
  return result;
}

}  // namespace quire::vm
