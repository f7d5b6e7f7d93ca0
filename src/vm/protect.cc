#include "vm/protect.h"

#include "vm/huge_pmd.h"
#include "vm/tags.h"

namespace quire::vm {
namespace {

// Whether the page may be written to without asking a fault first.
bool may_be_writable(AddressSpace& mm, const Vma& vma, Entry e) {
  if (!vma.flags.has(VmFlag::kWrite) || Native::is_special(e)) return false;
  if (vma.is_shared()) return Native::is_dirty(e) || writes_unwatched(vma);
  const Pfn page = Native::pfn(e);
  return mm.folios().is_anon(mm.folios().head_of(page)) && mm.memory().frame(page).anon_exclusive != 0;
}

Entry with_protection(AddressSpace& mm, const Vma& vma, Entry e, Access access) {
  Entry changed = Native::modify(e, access);
  if (!Native::is_writable(changed) && may_be_writable(mm, vma, changed))
    changed = Native::make_writable(changed);
  return changed;
}

// How many of the `limit` entries from `first` on are of one folio and come out
// alike, `changed` being what the first becomes.
std::uint32_t alike(AddressSpace& mm, const Vma& vma, const Entry* first, std::uint32_t limit, Entry changed,
                    Access access) {
  if (Native::is_special(*first)) return 1;
  const std::uint32_t batch = pte_batch(mm.folios(), first, limit);
  std::uint32_t n = 1;
  while (n < batch &&
         with_protection(mm, vma, mm.tables().ptep_get(first + n), access) == Native::advance(changed, n))
    ++n;
  return n;
}

// Runs go as one, so that an architecture may keep what it maps by the block.
void change_ptes(AddressSpace& mm, const Vma& vma, Entry* pte, std::uint64_t pages, Access access) {
  Entry* const end = pte + pages;
  while (pte != end) {
    std::uint32_t n = 1;
    if (Native::is_present(*pte)) {
      const Entry changed = with_protection(mm, vma, mm.tables().ptep_get(pte), access);
      n = alike(mm, vma, pte, static_cast<std::uint32_t>(end - pte), changed, access);
      mm.tables().clear_ptes(pte, n);
      mm.tables().set_ptes(pte, changed, n);
      if (!Native::is_special(changed)) sync_tags(mm, vma, Native::pfn(changed), PageCount(n));
    }
    pte += n;
  }
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
        mm.tables().set_pmd(pmd, zero ? Native::modify(pmd, access) : with_protection(mm, vma, pmd, access));
        if (!zero) sync_tags(mm, vma, Native::pfn(pmd), kOrderPmd.pages());
        return;
      }
      split_huge_pmd(mm, vma, pmd, block);
    }
    change_ptes(mm, vma, mm.tables().pte(pmd, part.begin), pages_between(part.begin, part.end).raw(), access);
  });
}

}  // namespace quire::vm
