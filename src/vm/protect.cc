#include "vm/protect.h"

#include "vm/huge_pmd.h"

namespace quire::vm {
namespace {

// Whether the page may be written to without asking a fault first.
bool may_be_writable(AddressSpace& mm, const Vma& vma, Entry e) {
  if (!vma.flags.has(VmFlag::kWrite) || Native::is_special(e)) return false;
  if (vma.is_shared()) return Native::is_dirty(e);
  const Pfn page = Native::pfn(e);
  return mm.folios().is_anon(mm.folios().head_of(page)) && mm.memory().frame(page).anon_exclusive != 0;
}

Entry with_protection(AddressSpace& mm, const Vma& vma, Entry e, Access access) {
  Entry changed = Native::modify(e, access);
  if (!Native::is_writable(changed) && may_be_writable(mm, vma, changed))
    changed = Native::make_writable(changed);
  return changed;
}

}  // namespace

void change_protection(AddressSpace& mm, Vma& vma, VirtRange range) {
  Access access = page_prot(vma);
  access.write = vma.flags.has(VmFlag::kWrite);
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    const VirtRange part{std::max(block, range.begin), std::min(block + kOrderPmd.bytes(), range.end)};
    if (Native::is_leaf(pmd)) {
      if (part.size() == kOrderPmd.bytes()) {
        const bool zero = Native::pfn(pmd) == mm.system().huge_zero.head;
        pmd = zero ? Native::modify(pmd, access) : with_protection(mm, vma, pmd, access);
        return;
      }
      split_huge_pmd(mm, vma, pmd, block);
    }
    Entry* const first = mm.tables().pte(pmd, part.begin);
    for (Entry* e = first; e != first + pages_between(part.begin, part.end).raw(); ++e) {
      if (Native::is_present(*e)) *e = with_protection(mm, vma, *e, access);
    }
  });
}

}  // namespace quire::vm
