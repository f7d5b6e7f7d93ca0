#include "vm/address_space.h"

#include "arch/skip_empty.h"
#include "base/check.h"
#include "vm/huge_pmd.h"
#include "vm/zap.h"

namespace quire::vm {

using phys::FrameKind;
using stats::VmEvent;

AddressSpace::AddressSpace(System& system)
    : system_(system),
      id_(system.next_mm_id++),
      tables_(system.memory, system.tables),
      mappings_(system.anon_vmas, *this, this) {}

AddressSpace::~AddressSpace() {
  system_.khugepaged.exit(*this);
  mappings_.remove_all([this](Vma& vma) { zap_range(*this, vma, vma.range, Tables::kKeep, Markers::kDrop); });
  if (!holds_huge_zero_) return;
  HugeZeroFolio& zero = system_.huge_zero;
  if (--zero.users == 0) {
    memory().free(zero.head, kOrderPmd);
    zero.head = Pfn::invalid();
  }
}

bool AddressSpace::get_huge_zero() {
  if (holds_huge_zero_) return true;
  HugeZeroFolio& zero = system_.huge_zero;
  if (!zero.head.valid()) {
    const auto head = memory().allocate(kOrderPmd);
    if (!head) {
      counters().add(VmEvent::thp_zero_page_alloc_failed);
      return false;
    }
    memory().frame(*head).set_kind(FrameKind::kReserved);
    memory().frame(*head).refcount = 1;
    memory().zero(*head, kOrderPmd);
    // Nobody's use of it is use of memory that a size brought with it.
    for (std::uint64_t i = 0; i < kOrderPmd.pages().raw(); ++i)
      memory().frame(*head + PageCount(i)).touched = 1;
    zero.head = *head;
    counters().add(VmEvent::thp_zero_page_alloc);
  }
  ++zero.users;
  holds_huge_zero_ = true;
  return true;
}

Result<Vma*, Errno> AddressSpace::modify(Vma& vma, VirtRange part, VmFlags flags) {
  Vma* const now = QUIRE_TRY(mappings_.modify(vma, part, flags));
  if (now->range != part) note_growth(*now);
  return now;
}

void AddressSpace::boundary_moves(Vma& vma, VirtAddr edge) {
  Entry* const pmd = tables_.find_pmd(edge);
  if (pmd != nullptr && Native::is_present(*pmd) && Native::is_leaf(*pmd)) {
    split_huge_pmd(*this, vma, *pmd, edge.align_down(kOrderPmd));
  }
}

std::uint32_t pte_batch(const folio::Folios& folios, const Entry* first, std::uint32_t limit) {
  const Pfn page = Native::pfn(*first);
  const Pfn head = folios.head_of(page);
  const PageCount left = folios.order_of(head).pages() - (page - head);
  limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, left.raw()));
  std::uint32_t n = 1;
  while (n < limit && Native::continues(*first, first[n], n)) ++n;
  return n;
}

void AddressSpace::check_entry(const Vma& vma, VirtAddr addr, Entry e, base::InvariantReport& out) const {
  if (!Native::is_writable(e)) return;
  if (!vma.flags.has(VmFlag::kWrite)) {
    out.broken("I-MM-4", "{:#x} is writable in a mapping that is not", addr.raw());
  }
  const bool huge = Native::is_leaf(e);
  const phys::Frame& f = system_.memory.frame(Native::pfn(e));
  if (!vma.is_shared() && f.anon_exclusive == 0) {
    out.broken("I-MM-4", "{:#x} is writable but its {} is not exclusive", addr.raw(),
               huge ? "folio" : "page");
  }
}

void AddressSpace::check_block(VirtAddr block, Entry pmd, Shown& shown, base::InvariantReport& out) {
  if (Native::is_leaf(pmd)) {
    ++shown.huge;
    const Vma* const vma = mappings_.find(block);
    if (vma == nullptr || !vma->block_fits(block, kOrderPmd)) {
      out.broken("I-MM-2", "huge entry at {:#x} does not lie in one mapping", block.raw());
      return;
    }
    if (Native::pfn(pmd) == system_.huge_zero.head) return;
    shown.anon += kOrderPmd.pages();
    check_entry(*vma, block, pmd, out);
    return;
  }
  if (Native::is_swap(pmd)) {
    ++shown.huge;
    shown.swap += kOrderPmd.pages();
    return;
  }
  const Vma* vma = nullptr;  // looked at last, as is the folio
  Pfn folio_begin, folio_end;
  const Entry* const first = tables_.pte(pmd, block);
  const Entry* const end = first + Native::kEntriesPerTable;
  for (const Entry* at = arch::skip_empty(first, end); at != end; at = arch::skip_empty(at + 1, end)) {
    const Entry e = *at;
    const VirtAddr addr = block + PageCount(static_cast<std::uint64_t>(at - first));
    if (vma == nullptr || !vma->range.contains(addr)) vma = mappings_.find(addr);
    if (vma == nullptr) {
      out.broken("I-MM-2", "entry at {:#x} lies in no mapping", addr.raw());
      continue;
    }
    if (Native::is_swap(e)) shown.swap += PageCount(1);
    if (!Native::is_present(e) || Native::is_special(e)) continue;
    const Pfn page = Native::pfn(e);
    if (page < folio_begin || page >= folio_end) {
      folio_begin = system_.folios.head_of(page);
      folio_end = folio_begin + system_.folios.order_of(folio_begin).pages();
    }
    (system_.folios.is_anon(folio_begin) ? shown.anon : shown.file) += PageCount(1);
    check_entry(*vma, addr, e, out);
  }
}

void AddressSpace::check_invariants(base::InvariantReport& out) {
  Shown shown;
  tables_.for_each_pmd(
      {VirtAddr(0), kTaskSize}, [&](VirtAddr block, Entry& pmd) { check_block(block, pmd, shown, out); },
      pagetable::SwapPmds::kAsTheyAre);
  if (shown.anon != rss_.anon() || shown.file != rss_.file()) {
    out.broken("I-MM-1", "entries show {} anon and {} file pages, the sums say {} and {}", shown.anon.raw(),
               shown.file.raw(), rss_.anon().raw(), rss_.file().raw());
  }
  if (shown.swap != rss_.swap())
    out.broken("I-MM-5", "{} entries name slots, the sum says {}", shown.swap.raw(), rss_.swap().raw());
  if (shown.huge != tables_.deposited()) {
    out.broken("I-MM-3", "{} huge PMDs, {} deposited tables", shown.huge, tables_.deposited());
  }
  tables_.check_invariants(out);
  mappings_.check_invariants(out);
}

}  // namespace quire::vm
