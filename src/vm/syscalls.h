// vm/syscalls.h - the memory calls of a program, with the errors Linux gives.
//
// Mirrors: do_mmap, do_vmi_munmap, do_mprotect_pkey, mremap, brk, mlock,
// mlockall, Linux 6.18. Differs: RLIMIT_AS, RLIMIT_DATA and the stack limit
// are looked at; overcommit accounting and RLIMIT_MEMLOCK are not.
#pragma once

#include <optional>

#include "quire/result.h"
#include "vm/address_space.h"
#include "vm/populate.h"

namespace quire::vm {

// The bits of mmap's prot and flags, valued as on Linux.
struct Prot {
  static constexpr int kNone = 0, kRead = 1, kWrite = 2, kExec = 4;
  static constexpr int kMte = 0x20;  // of arm64: the memory has tags
};
struct MapFlags {
  static constexpr int kShared = 1, kPrivate = 2, kFixed = 0x10, kAnonymous = 0x20, kGrowsDown = 0x100,
                       kLocked = 0x2000, kNoReserve = 0x4000, kPopulate = 0x8000, kNonBlock = 0x10000,
                       kStack = 0x20000, kHugeTlb = 0x40000, kFixedNoReplace = 0x100000;
};
struct RemapFlags {
  static constexpr int kMayMove = 1, kFixed = 2, kDontUnmap = 4;
};

struct MmapRequest {
  VirtAddr addr;  // hint, or the place with kFixed; 0: anywhere
  ByteCount length;
  int prot = 0;
  int flags = 0;
  FileRef file;  // none: anonymous. Shared anonymous memory is a shmem file of its own.
  std::uint64_t pgoff = 0;
  // How the file wants to be placed; ignored for anonymous private memory.
  PlacementRule rule = PlacementRule::kThpFile;
};

// Where a call put its mapping, and the faults its populating took.
struct Mapped {
  VirtAddr addr;
  Populated populated;
};

// kInval: no length, bad flags, bad alignment, tags for a file of a disk; kNoMem: no room or a limit;
// kExist: MAP_FIXED_NOREPLACE over a mapping.
[[nodiscard]] Result<Mapped, Errno> mmap(AddressSpace& mm, const MmapRequest& request);

[[nodiscard]] Result<void, Errno> munmap(AddressSpace& mm, VirtAddr addr, ByteCount length);

// kNoMem: part of the range is not mapped (what came before it is changed);
// kAcces: the mapping may never be used that way; kInval: it can have no tags.
[[nodiscard]] Result<void, Errno> mprotect(AddressSpace& mm, VirtAddr addr, ByteCount length, int prot);

struct MremapRequest {
  VirtAddr addr;
  ByteCount old_length;
  ByteCount new_length;
  int flags = 0;
  VirtAddr new_addr;  // with kFixed or as the hint of kDontUnmap
  // Where a move has to go when the program did not say: a replay puts it
  // where it went. Nothing: as the kernel would place it.
  std::optional<VirtAddr> place;
};
// kFault: not mapped, or the old range crosses mappings.
[[nodiscard]] Result<Mapped, Errno> mremap(AddressSpace& mm, const MremapRequest& request);

// Returns the break afterwards: the old one when the call failed.
[[nodiscard]] Mapped brk(AddressSpace& mm, VirtAddr to);

enum class LockOnFault : std::uint8_t { kNo, kYes };
[[nodiscard]] Result<Populated, Errno> mlock(AddressSpace& mm, VirtAddr addr, ByteCount length,
                                             LockOnFault on_fault);
[[nodiscard]] Result<void, Errno> munlock(AddressSpace& mm, VirtAddr addr, ByteCount length);
// `flags` as of mlockall(2): 1 current, 2 future, 4 on fault. 0 is munlockall.
[[nodiscard]] Result<Populated, Errno> mlockall(AddressSpace& mm, int flags);

// The VmFlags a mapping gets for mmap's prot and flags.
[[nodiscard]] VmFlags flags_for(int prot, int flags);

}  // namespace quire::vm
