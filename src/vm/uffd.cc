#include "vm/uffd.h"

#include <cstring>

#include "vm/charge.h"
#include "vm/each_mapping.h"
#include "vm/rmap.h"

namespace quire::vm {
namespace {

constexpr std::uint32_t kOwnUffd = 1;  // the one that each address space has

Result<void, Errno> check_range(AddressSpace& mm, VirtRange range) {
  if (!range.begin.aligned() || !range.end.aligned() || range.empty()) return fail(Errno::kInval);
  const Vma* vma = mm.mappings().find_first_from(range.begin);
  if (vma == nullptr || vma->begin() >= range.end) return fail(Errno::kInval);
  for (; vma != nullptr && vma->begin() < range.end; vma = mm.mappings().next(*vma))
    if (!vma->is_anonymous() || vma->is_special()) return fail(Errno::kInval);
  return {};
}

Result<void, Errno> set_mode(AddressSpace& mm, VirtRange range, VmFlags mode, std::uint32_t ctx) {
  QUIRE_TRY(check_range(mm, range));
  const auto set_part = [&](Vma& vma, VirtRange part) -> Result<void, Errno> {
    if (vma.userfaultfd_ctx == ctx) return {};
    (void)QUIRE_TRY(mm.mappings().modify_userfaultfd(vma, part, vma.flags.without(kVmUffdFlags) | mode, ctx));
    return {};
  };
  (void)QUIRE_TRY(each_mapping(mm, range, set_part));
  return {};
}

// The entry to fill, in a mapping that is registered. An AnonVma is prepared
// before anything is looked at, as in 6.18.
Result<Entry*, Errno> entry_to_fill(AddressSpace& mm, Vma* vma, VirtAddr page) {
  if (!page.aligned()) return fail(Errno::kInval);
  if (vma == nullptr) return fail(Errno::kNoEnt);
  if (!vma->is_shared()) mm.mappings().anon_vma_prepare(*vma);
  if (vma->userfaultfd_ctx == 0) return fail(Errno::kNoEnt);
  Entry* const pmd = mm.tables().alloc_pmd(page);
  if (pmd == nullptr) return fail(Errno::kNoMem);
  if (Native::is_none(*pmd) && !mm.tables().alloc_pte_table(*pmd)) return fail(Errno::kNoMem);
  if (Native::is_leaf(*pmd)) return fail(Errno::kExist);
  return mm.tables().pte(*pmd, page);
}

}  // namespace

Result<void, Errno> uffd_register(AddressSpace& mm, VirtRange range) {
  return set_mode(mm, range, VmFlag::kUffdMissing, kOwnUffd);
}

Result<void, Errno> uffd_unregister(AddressSpace& mm, VirtRange range) { return set_mode(mm, range, {}, 0); }

Result<void, Errno> uffd_copy(AddressSpace& mm, VirtAddr page, std::span<const std::byte, kPageSize> bytes) {
  const CurrentMm current(mm);
  Vma* const vma = mm.mappings().find(page);
  Entry* const pte = QUIRE_TRY(entry_to_fill(mm, vma, page));
  // A marker, even a guard's, gives way.
  if (!Native::is_none(*pte) && !Native::is_guard(*pte)) return fail(Errno::kExist);
  const auto fresh = alloc_folio(mm, kOrder0);
  if (!fresh) return fail(Errno::kNoMem);
  if (mm.memory().contents() == phys::Contents::kKept)
    std::memcpy(mm.memory().bytes(*fresh), bytes.data(), bytes.size());
  add_new_anon_rmap(mm, *vma, *fresh, page, folio::MappedBy::kPtes);
  mm.rss().add_anon(PageCount(1));
  const Entry e = Native::make_dirty(Native::make_young(Native::leaf(*fresh, page_prot(*vma))));
  mm.tables().set_pte(pte, maybe_writable(e, *vma));
  return {};
}

Result<void, Errno> uffd_zeropage(AddressSpace& mm, VirtAddr page) {
  Vma* const vma = mm.mappings().find(page);
  Entry* const pte = QUIRE_TRY(entry_to_fill(mm, vma, page));
  if (!Native::is_none(*pte)) return fail(Errno::kExist);
  mm.tables().set_pte(
      pte, Native::make_young(Native::make_special(Native::leaf(mm.system().zero_page, page_prot(*vma)))));
  return {};
}

}  // namespace quire::vm
