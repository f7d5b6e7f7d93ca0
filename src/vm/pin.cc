#include "vm/pin.h"

#include "vm/fault.h"
#include "vm/populate.h"

namespace quire::vm {
namespace {

Errno errno_of(FaultResult result) { return result == FaultResult::kOom ? Errno::kNoMem : Errno::kFault; }

// What can be pinned without looking at the mapping, and is not touched by it (gup_fast).
bool is_writable(AddressSpace& mm, VirtAddr addr) {
  const Entry* const e = mm.tables().peek(addr);
  return e != nullptr && Native::is_present(*e) && Native::is_writable(*e) && !Native::is_special(*e);
}

// The page behind `addr`, made writable by a fault where it is not.
Result<Pfn, Errno> page_to_write(AddressSpace& mm, VirtAddr addr) {
  Vma* const vma = mm.mappings().find(addr);
  if (vma == nullptr || vma->flags.has_any(VmFlag::kIo | VmFlag::kPfnMap) || !vma->flags.has(VmFlag::kWrite))
    return fail(Errno::kFault);
  const FaultResult result = fault_in(mm, *vma, addr, AccessKind::kWrite);
  if (!is_served(result)) return fail(errno_of(result));
  if (result == FaultResult::kHit) touch_written(mm, addr);
  return mapped_frame(mm, addr);
}

}  // namespace

Result<std::vector<Pfn>, Errno> pin_longterm(AddressSpace& mm, VirtRange range) {
  mm.has_pinned = true;
  std::vector<Pfn> pages;
  bool fast = true;  // until the first page that needs more: from there on all are looked up
  for (VirtAddr addr = range.begin; addr < range.end; addr += PageCount(1)) {
    fast = fast && is_writable(mm, addr);
    const auto page = fast ? Result<Pfn, Errno>(mapped_frame(mm, addr)) : page_to_write(mm, addr);
    if (!page) {
      unpin(mm.system(), pages);
      return fail(page.error());
    }
    mm.folios().pin(*page);  // before the next fault, which may meet this reference
    pages.push_back(*page);
  }
  return pages;
}

void unpin(System& system, std::span<const Pfn> pages) {
  for (const Pfn page : pages) system.folios.unpin(page);
}

Result<void, Errno> pin_to_read(AddressSpace& mm, VirtRange range) {
  mm.has_pinned = true;
  for (VirtAddr addr = range.begin; addr < range.end; addr += PageCount(1)) {
    const FaultResult result = unshare(mm, addr);
    if (!is_served(result)) return fail(errno_of(result));
  }
  return {};
}

bool needs_cow_for_dma(const AddressSpace& mm, Pfn head) {
  return mm.has_pinned && mm.system().folios.maybe_dma_pinned(head);
}

}  // namespace quire::vm
