#include "vm/rmap.h"

#include "vm/tags.h"

namespace quire::vm {
namespace {

[[nodiscard]] bool locks(const Vma& vma) { return vma.flags.has(VmFlag::kLocked) && !vma.is_special(); }

// Whether the range holds all of the folio, at the places where it belongs.
[[nodiscard]] bool holds_all_of(const AddressSpace& mm, const Vma& vma, VirtRange range, Pfn head) {
  const phys::Frame& f = mm.system().memory.frame(head);
  if (f.index() < vma.pgoff || f.index() > vma.last_page_index()) return false;
  const VirtAddr begin = vma.address_of(f.index());
  return begin >= range.begin && begin < range.end && pages_between(begin, range.end) >= f.order().pages();
}

void mlock_folio(AddressSpace& mm, const Vma& vma, Pfn head) {
  if (locks(vma)) {
    mm.folios().mlock(head);
  } else {
    mm.folios().munlock(head);
  }
}

void mlock_ptes(AddressSpace& mm, const Vma& vma, Entry pmd, VirtRange range) {
  folio::Folios& folios = mm.folios();
  const Entry* const begin = mm.tables().pte(pmd, range.begin);
  const Entry* const end = begin + pages_between(range.begin, range.end).raw();
  std::uint32_t n = 1;
  for (const Entry* pte = begin; pte != end; pte += n) {
    n = 1;
    if (!Native::is_present(*pte) || Native::is_special(*pte)) continue;
    const Pfn head = folios.head_of(Native::pfn(*pte));
    if (!folios.is_anon(head)) continue;
    if (folios.is_large(head)) n = pte_batch(folios, pte, static_cast<std::uint32_t>(end - pte));
    const bool whole = !folios.is_large(head) ||
                       (n == folios.order_of(head).pages().raw() && holds_all_of(mm, vma, range, head));
    if (whole || !locks(vma)) mlock_folio(mm, vma, head);
  }
}

}  // namespace

void add_new_anon_rmap(AddressSpace& mm, const Vma& vma, Pfn head, VirtAddr addr, folio::MappedBy by) {
  add_swapped_in_anon_rmap(mm, vma, head, addr, by);
  if (locks(vma)) mm.folios().mlock(head);
}

void add_swapped_in_anon_rmap(AddressSpace& mm, const Vma& vma, Pfn head, VirtAddr addr, folio::MappedBy by) {
  mm.folios().add_new_anon_rmap(head, {vma.anon_vma->id().raw(), vma.page_index(addr)}, mm.id(), by);
  sync_tags(mm, vma, head, mm.folios().order_of(head).pages());
  if (auto* const reasons = mm.system().reasons.get()) [[unlikely]]
    reasons->made(head, mm.folios().order_of(head));
}

void add_swapped_in_shared_anon_rmap(AddressSpace& mm, const Vma& vma, Pfn head, VirtAddr addr,
                                     std::uint32_t n) {
  add_swapped_in_anon_rmap(mm, vma, head, addr, folio::MappedBy::kPtes);
  for (std::uint32_t i = 0; i < n; ++i) mm.memory().frame(head + PageCount(i)).anon_exclusive = 0;
  mm.folios().move_anon_rmap(head, vma.anon_vma->root().id().raw());
}

void add_anon_rmap_ptes(AddressSpace& mm, const Vma& vma, Pfn page, std::uint32_t n,
                        folio::Exclusive exclusive) {
  mm.folios().add_anon_rmap_ptes(page, n, mm.id(), exclusive);
  sync_tags(mm, vma, page, PageCount(n));
  if (locks(vma) && !mm.folios().is_large(mm.folios().head_of(page))) mm.folios().mlock(page);
}

void remove_rmap_ptes(AddressSpace& mm, const Vma& vma, Pfn page, std::uint32_t n) {
  mm.folios().remove_rmap_ptes(page, n, mm.id());
  if (vma.flags.has(VmFlag::kLocked)) mm.folios().munlock(mm.folios().head_of(page));
}

void remove_rmap_pmd(AddressSpace& mm, const Vma& vma, Pfn head) {
  mm.folios().remove_rmap_pmd(head, mm.id());
  if (vma.flags.has(VmFlag::kLocked)) mm.folios().munlock(head);
}

void mlock_pages_range(AddressSpace& mm, const Vma& vma, VirtRange part) {
  mm.tables().for_each_pmd(part, [&](VirtAddr block, Entry& pmd) {
    if (Native::is_leaf(pmd)) {
      if (Native::pfn(pmd) != mm.system().huge_zero.head) mlock_folio(mm, vma, Native::pfn(pmd));
      return;
    }
    mlock_ptes(mm, vma, pmd, {std::max(block, part.begin), std::min(block + kOrderPmd.bytes(), part.end)});
  });
}

}  // namespace quire::vm
