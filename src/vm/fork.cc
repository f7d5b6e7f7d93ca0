#include "vm/fork.h"

#include "base/check.h"
#include "vm/charge.h"
#include "vm/huge_pmd.h"
#include "vm/pin.h"
#include "vm/rmap.h"

namespace quire::vm {
namespace {

// Mappings whose pages can be had again by a fault are not copied.
bool needs_copy(const Vma& vma) { return vma.flags.has_any(kVmCopyOnFork) || vma.anon_vma != nullptr; }

Result<void, Errno> copy_huge_pmd(AddressSpace& child, AddressSpace& parent, Entry& to, Entry& from) {
  const Pfn head = Native::pfn(from);
  const BusyFolio busy(parent.system(), head);  // the table may have to be reclaimed for
  if (!child.tables().deposit()) return fail(Errno::kNoMem);
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

// A mapping and what it becomes in the child.
struct Pair {
  const Vma& parent;
  const Vma& child;
};

// A device may write to the parent's page at any time: the child gets a page of
// its own, and the parent keeps its entry as it is.
Result<std::uint32_t, Errno> copy_pinned(AddressSpace& child, AddressSpace& parent, const Pair& vmas,
                                         Entry* to, const Entry* from) {
  const auto fresh = alloc_folio(child, kOrder0);
  if (!fresh) return fail(Errno::kNoMem);
  const Pfn page = Native::pfn(*from);
  parent.memory().copy(page, *fresh);
  const std::uint64_t index = parent.memory().frame(parent.folios().head_of(page)).index() +
                              (page - parent.folios().head_of(page)).raw();
  add_new_anon_rmap(child, vmas.child, *fresh, vmas.child.address_of(index), folio::MappedBy::kPtes);
  child.rss().add_anon(PageCount(1));
  const Entry e = Native::make_dirty(Native::make_young(Native::leaf(*fresh, page_prot(vmas.child))));
  child.tables().set_pte(to, maybe_writable(e, vmas.child));
  return 1;
}

// Shares the run of entries of one folio that starts at `from`; returns its
// length. Of a pinned folio one page at a time.
Result<std::uint32_t, Errno> copy_present(AddressSpace& child, AddressSpace& parent, const Pair& vmas,
                                          Entry* to, Entry* from, std::uint32_t limit) {
  const Vma& vma = vmas.parent;
  folio::Folios& folios = parent.folios();
  const bool cow = vma.is_cow();
  std::uint32_t n = 1;
  if (!Native::is_special(*from)) {
    const Pfn page = Native::pfn(*from);
    const Pfn head = folios.head_of(page);
    if (folios.is_anon(head)) {
      const bool pinned = needs_cow_for_dma(parent, head);
      if (pinned && parent.memory().frame(page).anon_exclusive != 0)
        return copy_pinned(child, parent, vmas, to, from);
      if (folios.is_large(head) && limit > 1 && !pinned) n = pte_batch(folios, from, limit);
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

// One entry of what is not there: a guard marker guards the child as well, and a
// page in swap is shared from now on.
void copy_nonpresent(AddressSpace& child, AddressSpace& parent, Entry* to, Entry* from) {
  if (Native::is_swap(*from)) {
    parent.system().swap.dup(Native::swap_entry(*from));
    if (Native::is_swap_exclusive(*from)) *from = Native::make_swap_shared(*from);
    child.rss().add_swap(PageCount(1));
  }
  child.tables().set_pte(to, *from);
}

Result<void, Errno> copy_ptes(AddressSpace& child, AddressSpace& parent, const Pair& vmas, Entry to_pmd,
                              Entry from_pmd, VirtRange range) {
  Entry* from = parent.tables().pte(from_pmd, range.begin);
  Entry* to = child.tables().pte(to_pmd, range.begin);
  Entry* const end = from + pages_between(range.begin, range.end).raw();
  while (from != end) {
    std::uint32_t n = 1;
    if (Native::is_present(*from)) {
      n = QUIRE_TRY(copy_present(child, parent, vmas, to, from, static_cast<std::uint32_t>(end - from)));
    } else if (!Native::is_none(*from)) {
      copy_nonpresent(child, parent, to, from);
    }
    from += n;
    to += n;
  }
  return {};
}

bool is_pinned_huge(const AddressSpace& parent, Entry pmd) {
  const Pfn head = Native::pfn(pmd);
  return head != parent.system().huge_zero.head && needs_cow_for_dma(parent, head) &&
         parent.system().memory.frame(head).anon_exclusive != 0;
}

Result<void, Errno> copy_page_range(AddressSpace& child, AddressSpace& parent, Vma& vma, const Vma& copy) {
  Result<void, Errno> result;
  parent.tables().for_each_pmd(vma.range, [&](VirtAddr block, Entry& from) {
    if (!result) return;
    if (Native::is_leaf(from) && is_pinned_huge(parent, from)) split_huge_pmd(parent, vma, from, block);
    Entry* const to = child.tables().alloc_pmd(block);
    if (to == nullptr) {
      result = fail(Errno::kNoMem);
    } else if (Native::is_leaf(from)) {
      result = copy_huge_pmd(child, parent, *to, from);
    } else if (Native::is_none(*to) && !child.tables().alloc_pte_table(*to)) {
      result = fail(Errno::kNoMem);
    } else {
      result = copy_ptes(child, parent, {vma, copy}, *to, from,
                         {std::max(block, vma.begin()), std::min(block + kOrderPmd.bytes(), vma.end())});
    }
  });
  return result;
}

}  // namespace

Result<void, Errno> dup_mmap(AddressSpace& child, AddressSpace& parent) {
  const CurrentMm current(parent);
  constexpr int kNoVictim = -1000;
  child.oom_score_adj = kNoVictim;  // nobody finds it before it is whole
  child.group = parent.group;
  child.layout = parent.layout;
  child.limits = parent.limits;
  child.thp = parent.thp;
  child.start_brk = parent.start_brk;
  child.brk = parent.brk;
  for (Vma& vma : parent.mappings()) {
    if (vma.flags.has(VmFlag::kDontCopy)) continue;
    const Vma& copy = child.mappings().fork_vma(vma);
    if (vma.flags.has(VmFlag::kWipeOnFork) || !needs_copy(copy)) continue;
    QUIRE_TRY(copy_page_range(child, parent, vma, copy));
  }
  parent.system().khugepaged.fork(child, parent);
  child.oom_score_adj = parent.oom_score_adj;
  return {};
}

}  // namespace quire::vm
