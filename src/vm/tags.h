// vm/tags.h - which mappings and which pages have memory tags.
//
// Mirrors: mte_sync_tags, arch_calc_vm_prot_bits, arch_calc_vm_flag_bits,
// arch_validate_prot and arch_validate_flags of arm64, Linux 6.18. Differs: that a page has
// tags is decided where a mapping takes it, not where its entry is written.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// What memory of the program's own (stack, heap) may have on this machine.
[[nodiscard]] inline VmFlags own_memory_flags(const AddressSpace& mm) {
  return mm.system().memory.tags() != nullptr ? VmFlags(VmFlag::kMteAllowed) : VmFlags();
}

// The flags a new mapping of `file` gets for PROT_MTE in `prot`, which a machine without tags
// ignores as Linux does. kInval: memory that comes from a disk cannot have tags.
[[nodiscard]] Result<VmFlags, Errno> tag_flags(const AddressSpace& mm, int prot, const FileRef& file);
// What a mapping with flags `old` gets besides for PROT_MTE in mprotect's `prot`. kInval: it may not.
[[nodiscard]] Result<VmFlags, Errno> more_tag_flags(int prot, VmFlags old);

// `n` pages from `first` on are shown by this mapping from now on: if it has tags, those of
// them that have none get tags, 0.
inline void sync_tags(AddressSpace& mm, const Vma& vma, Pfn first, PageCount n) {
  if (vma.flags.has(VmFlag::kMte) && vma.is_accessible()) [[unlikely]]
    mm.memory().tags()->tag(first, n);
}

}  // namespace quire::vm
