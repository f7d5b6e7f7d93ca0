#include "lab/own_advice.h"

#include "vm/madvise.h"

namespace quire::lab {

void OwnAdvisor::say(vm::AddressSpace& mm, VirtRange range) const {
  if (advice_.say == OwnAdvice::Say::kNothing) return;
  const bool huge = advice_.say == OwnAdvice::Say::kHugepage;
  static_cast<void>(
      vm::madvise(mm, range.begin, range.size(), huge ? vm::Advice::kHugePage : vm::Advice::kNoHugePage));
}

void OwnAdvisor::first_exec(vm::AddressSpace& mm) const {
  if (advice_.process != policy::ProcessThp::kDefault) mm.thp = advice_.process;
}

void OwnAdvisor::mapped(vm::AddressSpace& mm, VirtRange range) const {
  if (!advice_.mappings_from || range.size() < *advice_.mappings_from) return;
  const vm::Vma* const vma = mm.mappings().find(range.begin);
  if (vma == nullptr || !vma->is_anonymous() || !vma->flags.has(vm::VmFlag::kWrite)) return;
  say(mm, range);
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

void OwnAdvisor::break_moved(vm::AddressSpace& mm, VirtAddr from) const {
  const VirtRange grown{from.align_down(), mm.brk.align_up()};
  if (advice_.heap == OwnAdvice::Heap::kNo || mm.brk <= from) return;
  if (advice_.heap == OwnAdvice::Heap::kAsGlibc && grown.size() < kOrderPmd.bytes()) return;
  say(mm, grown);
}

}  // namespace quire::lab
