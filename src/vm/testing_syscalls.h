// vm/testing_syscalls.h - for tests only: the thin layer of system calls that
// stands between a program and MappingTree, without page tables.
//
// Mirrors: do_mmap, mprotect_fixup, madvise_walk_vmas and mremap of Linux 6.18
// as far as they decide flags and ranges, so that a test can ask the running
// kernel and a MappingTree for the same thing.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "vm/mapping_tree.h"

namespace quire::vm::testing {

// Remembers what a MappingTree said.
class RecordingPort : public MappingPort {
 public:
  void boundary_moves(Vma& vma, VirtAddr edge) override {
    QUIRE_CHECK(vma.range.contains(edge));
    edges.push_back(edge);
  }
  void merges(Vma& kept, Vma& absorbed) override {
    QUIRE_CHECK_NE(&kept, &absorbed);
    ++merged;
  }
  std::vector<VirtAddr> edges;
  unsigned merged = 0;
};

inline VmFlags access_flags(int prot) {
  VmFlags flags;
  if ((prot & PROT_READ) != 0) flags |= VmFlag::kRead;
  if ((prot & PROT_WRITE) != 0) flags |= VmFlag::kWrite;
  if ((prot & PROT_EXEC) != 0) flags |= VmFlag::kExec;
  return flags;
}

inline constexpr VmFlags kMayAll = VmFlag::kMayRead | VmFlag::kMayWrite | VmFlag::kMayExec;

// The flags mmap gives a mapping of a file opened for reading and writing, or of no file.
inline VmFlags mmap_flags(int prot, int map) {
  VmFlags flags = access_flags(prot) | kMayAll;
  if ((map & MAP_TYPE) == MAP_SHARED) flags |= VmFlag::kShared | VmFlag::kMayShare;
  if ((map & MAP_NORESERVE) != 0) flags |= VmFlag::kNoReserve;
  if ((map & MAP_GROWSDOWN) != 0) flags |= VmFlag::kGrowsDown;
  if ((map & MAP_STACK) != 0) flags |= VmFlag::kNoHugePage;
  const VmFlags accounting = flags & (VmFlag::kNoReserve | VmFlag::kShared | VmFlag::kWrite);
  if (accounting == VmFlags(VmFlag::kWrite)) flags |= VmFlag::kAccount;
  return flags;
}

inline void mmap_fixed(MappingTree& tree, VirtRange range, VmFlags flags, FileRef file, std::uint64_t pgoff) {
  QUIRE_CHECK(tree.remove(range, [](Vma&) {}).has_value());
  tree.map({range, flags, file, pgoff});
}

inline VmFlags mprotect_flags(const Vma& vma, int prot) {
  VmFlags flags = vma.flags.without(kVmAccessFlags) | access_flags(prot);
  const VmFlags exempt =
      VmFlag::kAccount | VmFlag::kWrite | VmFlag::kHugeTlb | VmFlag::kShared | VmFlag::kNoReserve;
  if (flags.has(VmFlag::kWrite)) {
    if (!vma.flags.has_any(exempt)) flags |= VmFlag::kAccount;
  } else if (vma.is_anonymous() && vma.anon_vma == nullptr) {
    flags = flags.without(VmFlag::kAccount);
  }
  return flags;
}

// Walks the mappings of `range` and gives each part the flags `change` says.
// What mprotect and madvise share; mprotect ends at the first hole.
enum class AtHole : std::uint8_t { kStop, kGoOn };
template <typename Change>
void change_flags(MappingTree& tree, VirtRange range, AtHole at_hole, Change change) {
  VirtAddr at = range.begin;
  while (at < range.end) {
    Vma* vma = tree.find_first_from(at);
    if (vma == nullptr || vma->begin() >= range.end) return;
    if (vma->begin() > at && at_hole == AtHole::kStop) return;
    at = std::max(at, vma->begin());
    const VirtRange part{at, std::min(vma->end(), range.end)};
    const VmFlags flags = change(*vma);
    if (flags != vma->flags) QUIRE_CHECK(tree.modify(*vma, part, flags).has_value());
    at = part.end;
  }
}

inline void mprotect(MappingTree& tree, VirtRange range, int prot) {
  change_flags(tree, range, AtHole::kStop, [prot](const Vma& vma) { return mprotect_flags(vma, prot); });
}

inline VmFlags madvise_flags(const Vma& vma, int advice) {
  const VmFlags f = vma.flags;
  const VmFlags reading = VmFlag::kSeqRead | VmFlag::kRandRead;
  switch (advice) {
    case MADV_HUGEPAGE:
      return f.without(VmFlag::kNoHugePage) | VmFlag::kHugePage;
    case MADV_NOHUGEPAGE:
      return f.without(VmFlag::kHugePage) | VmFlag::kNoHugePage;
    case MADV_DONTFORK:
      return f | VmFlag::kDontCopy;
    case MADV_DOFORK:
      return f.without(VmFlag::kDontCopy);
    case MADV_DONTDUMP:
      return f | VmFlag::kDontDump;
    case MADV_DODUMP:
      return f.without(VmFlag::kDontDump);
    case MADV_SEQUENTIAL:
      return f.without(reading) | VmFlag::kSeqRead;
    case MADV_RANDOM:
      return f.without(reading) | VmFlag::kRandRead;
    case MADV_NORMAL:
      return f.without(reading);
    default:
      QUIRE_CHECK_MSG(false, "advice {} is not modelled", advice);
      return f;
  }
}

inline void madvise(MappingTree& tree, VirtRange range, int advice) {
  change_flags(tree, range, AtHole::kGoOn, [advice](const Vma& vma) { return madvise_flags(vma, advice); });
}

// mremap with MREMAP_FIXED of a part of one mapping. The ranges do not overlap.
enum class Source : std::uint8_t { kUnmap, kKeep };  // kKeep: MREMAP_DONTUNMAP
inline void mremap_fixed(MappingTree& tree, VirtRange from, VirtAddr to, ByteCount new_size, Source source) {
  QUIRE_CHECK(tree.remove({to, to + new_size}, [](Vma&) {}).has_value());
  if (new_size < from.size()) {
    QUIRE_CHECK(tree.remove({from.begin + new_size, from.end}, [](Vma&) {}).has_value());
    from.end = from.begin + new_size;
  }
  Vma* vma = tree.find(from.begin);
  const VirtRange whole = vma->range;
  const auto copied = tree.copy_vma(*vma, from, to, new_size);
  QUIRE_CHECK(copied.has_value());
  if (source == Source::kUnmap) {
    QUIRE_CHECK(tree.remove(from, [](Vma&) {}).has_value());
  } else if (copied->copy != copied->source && whole == from) {
    tree.drop_anon_vma(*copied->source);
  }
}

}  // namespace quire::vm::testing
