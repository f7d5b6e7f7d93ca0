#include "vm/tags.h"

#include "vm/syscalls.h"

namespace quire::vm {

Result<VmFlags, Errno> tag_flags(const AddressSpace& mm, int prot, const FileRef& file) {
  if (mm.system().memory.tags() == nullptr) return VmFlags();
  const bool asked = (prot & Prot::kMte) != 0;
  if (!file.is_none() && file.kind != FileKind::kShmem)
    return asked ? Result<VmFlags, Errno>(fail(Errno::kInval)) : VmFlags();
  return asked ? VmFlag::kMteAllowed | VmFlag::kMte : VmFlags(VmFlag::kMteAllowed);
}

Result<VmFlags, Errno> more_tag_flags(int prot, VmFlags old) {
  if ((prot & Prot::kMte) == 0) return VmFlags();
  if (!old.has(VmFlag::kMteAllowed)) return fail(Errno::kInval);
  return VmFlags(VmFlag::kMte);
}

}  // namespace quire::vm
