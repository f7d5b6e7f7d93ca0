#include "vm/fork.h"

#include "base/check.h"

namespace quire::vm {
namespace {

// Mappings whose pages can be had again by a fault are not copied.
bool needs_copy(const Vma& vma) {
  return vma.flags.has(VmFlag::kUffdWp) || vma.flags.has_any(VmFlag::kPfnMap | VmFlag::kMixedMap) ||
         vma.anon_vma != nullptr;
}

Result<void, Errno> copy_huge_pmd(AddressSpace& child, AddressSpace& parent, Entry& to, Entry& from) {
  if (!child.tables().deposit()) return fail(Errno::kNoMem);
  const Pfn head = Native::pfn(from);
  if (head == parent.system().huge_zero.head) {
    // The parent holds the folio, so taking it for the child cannot fail.
    QUIRE_CHECK(child.get_huge_zero());
  } else {
    parent.folios().get(head);
    parent.folios().dup_anon_rmap_pmd(head, child.id());
    child.rss().add_anon(kOrderPmd.pages());
  }
  parent.tables().set_pmd(from, Native::write_protect(from));
  child.tables().set_pmd(to, Native::make_old(from));
  return {};
}

// Neighbours that were written to alike are set as one.
void copy_entries(AddressSpace& child, AddressSpace& parent, const Vma& vma, Entry* to, const Entry* from,
                  std::uint32_t n) {
  std::uint32_t run = 1;
  for (std::uint32_t i = 0; i < n; i += run) {
    const Entry first = parent.tables().ptep_get(from + i);
    const bool dirty = Native::is_dirty(first);
    run = 1;
    while (i + run < n && Native::is_dirty(parent.tables().ptep_get(from + i + run)) == dirty) ++run;
    child.tables().set_ptes(to + i, Native::make_old(vma.is_shared() ? Native::make_clean(first) : first),
                            run);
  }
}

// Shares the run of entries of one folio that starts at `from`; returns its length.
std::uint32_t copy_present(AddressSpace& child, AddressSpace& parent, const Vma& vma, Entry* to, Entry* from,
                           std::uint32_t limit) {
  folio::Folios& folios = parent.folios();
  const bool cow = vma.is_cow();
  std::uint32_t n = 1;
  if (!Native::is_special(*from)) {
    const Pfn page = Native::pfn(*from);
    const Pfn head = folios.head_of(page);
    if (folios.is_anon(head)) {
      if (folios.is_large(head) && limit > 1) n = pte_batch(folios, from, limit);
      folios.get(head, n);
      folios.dup_anon_rmap_ptes(page, n, child.id());
      child.rss().add_anon(PageCount(n));
    } else {
      folios.get(head);
      folios.add_file_rmap(page);
      child.rss().add_file(PageCount(1));
    }
  }
  if (cow) parent.tables().wrprotect_ptes(from, n);
  copy_entries(child, parent, vma, to, from, n);
  return n;
}

void copy_ptes(AddressSpace& child, AddressSpace& parent, const Vma& vma, Entry to_pmd, Entry from_pmd,
               VirtRange range) {
  Entry* from = parent.tables().pte(from_pmd, range.begin);
  Entry* to = child.tables().pte(to_pmd, range.begin);
  Entry* const end = from + pages_between(range.begin, range.end).raw();
  while (from != end) {
    std::uint32_t n = 1;
    if (Native::is_present(*from)) {
      n = copy_present(child, parent, vma, to, from, static_cast<std::uint32_t>(end - from));
    } else {
      child.tables().set_pte(to, *from);  // a guard marker guards the child as well
    }
    from += n;
    to += n;
  }
}

Result<void, Errno> copy_page_range(AddressSpace& child, AddressSpace& parent, const Vma& vma) {
  Result<void, Errno> result;
  parent.tables().for_each_pmd(vma.range, [&](VirtAddr block, Entry& from) {
    if (!result) return;
    Entry* const to = child.tables().alloc_pmd(block);
    if (to == nullptr) {
      result = fail(Errno::kNoMem);
    } else if (Native::is_leaf(from)) {
      result = copy_huge_pmd(child, parent, *to, from);
    } else if (Native::is_none(*to) && !child.tables().alloc_pte_table(*to)) {
      result = fail(Errno::kNoMem);
    } else {
      copy_ptes(child, parent, vma, *to, from,
                {std::max(block, vma.begin()), std::min(block + kOrderPmd.bytes(), vma.end())});
    }
  });
  return result;
}

}  // namespace

Result<void, Errno> dup_mmap(AddressSpace& child, AddressSpace& parent) {
  child.layout = parent.layout;
  child.limits = parent.limits;
  child.thp = parent.thp;
  child.start_brk = parent.start_brk;
  child.brk = parent.brk;
  for (Vma& vma : parent.mappings()) {
    if (vma.flags.has(VmFlag::kDontCopy)) continue;
    const Vma& copy = child.mappings().fork_vma(vma);
    if (vma.flags.has(VmFlag::kWipeOnFork) || !needs_copy(copy)) continue;
    QUIRE_TRY(copy_page_range(child, parent, vma));
  }
  parent.system().khugepaged.fork(child, parent);
  return {};
}

}  // namespace quire::vm
