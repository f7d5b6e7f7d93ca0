#include "lab/own_advice.h"

#include "vm/madvise.h"

namespace quire::lab {
namespace {

vm::Advice advice_of(OwnAdvice::Say say) {
  switch (say) {
    case OwnAdvice::Say::kHugepage:
      return vm::Advice::kHugePage;
    case OwnAdvice::Say::kNohugepage:
      return vm::Advice::kNoHugePage;
    case OwnAdvice::Say::kDontFork:
      return vm::Advice::kDontFork;
    case OwnAdvice::Say::kPopulate:
      return vm::Advice::kPopulateWrite;
    case OwnAdvice::Say::kNothing:
      break;
  }
  return vm::Advice::kNormal;
}

bool is_own_memory(const vm::Vma& vma) { return vma.is_anonymous() && vma.flags.has(vm::VmFlag::kWrite); }

}  // namespace

vm::Populated OwnAdvisor::say(vm::AddressSpace& mm, VirtRange range) const {
  if (advice_.say == OwnAdvice::Say::kNothing) return {};
  if (advice_.say == OwnAdvice::Say::kPopulate) {
    range = {range.begin.align_up(kOrderPmd), range.end.align_down(kOrderPmd)};
    if (range.begin >= range.end) return {};
  }
  return vm::madvise(mm, range.begin, range.size(), advice_of(advice_.say)).value_or(vm::Populated());
}

void OwnAdvisor::first_exec(vm::AddressSpace& mm) const {
  if (advice_.process != policy::ProcessThp::kDefault) mm.thp = advice_.process;
}

vm::Populated OwnAdvisor::mapped(vm::AddressSpace& mm, VirtRange range) const {
  if (!advice_.mappings_from || range.size() < *advice_.mappings_from) return {};
  const vm::Vma* const vma = mm.mappings().find(range.begin);
  return vma != nullptr && is_own_memory(*vma) ? say(mm, range) : vm::Populated();
}

// Advice stays with a mapping; only memory that is to be there has to be made now.
vm::Populated OwnAdvisor::protection_changed(vm::AddressSpace& mm, VirtRange range) const {
  return advice_.say == OwnAdvice::Say::kPopulate ? mapped(mm, range) : vm::Populated();
}

// The first move is by whole blocks from wherever the heap begins, later ones end at a block.
VirtAddr OwnAdvisor::break_for(const vm::AddressSpace& mm, VirtAddr wanted) const {
  if (advice_.heap != OwnAdvice::Heap::kAsGlibc || wanted == mm.brk) return wanted;
  if (wanted < mm.brk) {
    const VirtAddr kept = wanted.align_up(kOrderPmd);
    return kept < mm.brk ? kept : mm.brk;
  }
  if (mm.brk != mm.start_brk) return wanted.align_up(kOrderPmd);
  return mm.brk + (VirtAddr((wanted - mm.brk).raw()).align_up(kOrderPmd) - VirtAddr(0));
}

vm::Populated OwnAdvisor::break_moved(vm::AddressSpace& mm, VirtAddr from) const {
  const VirtRange grown{from.align_down(), mm.brk.align_up()};
  if (advice_.heap == OwnAdvice::Heap::kNo || mm.brk <= from) return {};
  if (advice_.heap == OwnAdvice::Heap::kAsGlibc && grown.size() < kOrderPmd.bytes()) return {};
  return say(mm, grown);
}

vm::AddressSpace* OwnAdvisor::collapses(vm::AddressSpace& parent, vm::AddressSpace& child) const {
  switch (advice_.after_fork) {
    case OwnAdvice::AfterFork::kParentCollapses:
      return &parent;
    case OwnAdvice::AfterFork::kChildCollapses:
      return &child;
    case OwnAdvice::AfterFork::kNothing:
      break;
  }
  return nullptr;
}

// A call stops at the first block that is empty, so each block is a call.
void OwnAdvisor::collapse_all(vm::AddressSpace& mm) {
  for (const vm::Vma& vma : mm.mappings()) {
    if (!is_own_memory(vma) || vma.flags.has(vm::VmFlag::kGrowsDown)) continue;
    const VirtAddr end = vma.end().align_down(kOrderPmd);
    for (VirtAddr at = vma.begin().align_up(kOrderPmd); at < end; at += kOrderPmd.bytes()) {
      const arch::Entry* const pmd = mm.tables().peek_pmd(at);
      if (pmd == nullptr || arch::Native::is_none(*pmd)) continue;
      static_cast<void>(vm::madvise(mm, at, kOrderPmd.bytes(), vm::Advice::kCollapse));
    }
  }
}

}  // namespace quire::lab
