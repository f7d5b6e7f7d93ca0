#include "vm/syscalls.h"

#include "base/check.h"
#include "vm/move.h"
#include "vm/protect.h"
#include "vm/rmap.h"
#include "vm/tags.h"
#include "vm/zap.h"

namespace quire::vm {
namespace {

VmFlags access_flags(int prot) {
  VmFlags f;
  if ((prot & Prot::kRead) != 0) f |= VmFlag::kRead;
  if ((prot & Prot::kWrite) != 0) f |= VmFlag::kWrite;
  if ((prot & Prot::kExec) != 0) f |= VmFlag::kExec;
  return f;
}

// Private writable memory is charged against the overcommit limit; the mark
// keeps such mappings from merging with others.
bool accountable(VmFlags f) {
  return (f & (VmFlags(VmFlag::kNoReserve) | VmFlag::kShared | VmFlag::kWrite | VmFlag::kHugeTlb)) ==
         VmFlags(VmFlag::kWrite);
}

// The range of a call, or kInval: address not aligned, nothing, or too far up.
Result<VirtRange, Errno> range_of(VirtAddr addr, ByteCount length) {
  const PageCount pages = PageCount::covering(length);
  if (!addr.aligned() || pages.raw() == 0 || length > kTaskSize - VirtAddr(0) || addr > kTaskSize - pages) {
    return fail(Errno::kInval);
  }
  return VirtRange{addr, addr + pages};
}

// Removes the mappings of `range` and the tables nobody needs afterwards.
Result<void, Errno> unmap(AddressSpace& mm, VirtRange range) {
  bool any = false;
  QUIRE_TRY(mm.mappings().remove(range, [&](Vma& vma) {
    any = true;
    zap_range(mm, vma, vma.range, Tables::kKeep, Markers::kDrop);
  }));
  if (!any) return {};
  const Vma* const before = mm.mappings().find_last_before(range.begin);
  const Vma* const after = mm.mappings().find_first_from(range.end);
  mm.tables().free_range(range, {before == nullptr ? VirtAddr(0) : before->end(),
                                 after == nullptr ? VirtAddr(~0ULL) : after->begin()});
  return {};
}

bool over_address_space_limit(const AddressSpace& mm, PageCount more) {
  return mm.mappings().total_pages() + more > PageCount(mm.limits.address_space.raw() >> kPageShift);
}

Result<VirtAddr, Errno> place(AddressSpace& mm, const MmapRequest& r) {
  const bool fixed = (r.flags & (MapFlags::kFixed | MapFlags::kFixedNoReplace)) != 0;
  PlacementRequest p{.hint = r.addr, .length = r.length, .pgoff = r.pgoff};
  p.rule = r.file.is_none() ? PlacementRule::kAnonymous : r.rule;
  p.fixed = fixed ? PlacementRequest::Fixed::kYes : PlacementRequest::Fixed::kNo;
  return get_unmapped_area(mm.mappings(), mm.layout, p);
}

}  // namespace

VmFlags flags_for(int prot, int flags) {
  VmFlags f = access_flags(prot) | VmFlag::kMayRead | VmFlag::kMayWrite | VmFlag::kMayExec;
  if ((flags & MapFlags::kGrowsDown) != 0) f |= VmFlag::kGrowsDown;
  if ((flags & MapFlags::kLocked) != 0) f |= VmFlag::kLocked;
  if ((flags & MapFlags::kStack) != 0) f |= VmFlag::kNoHugePage;
  if ((flags & MapFlags::kNoReserve) != 0) f |= VmFlag::kNoReserve;
  if ((flags & 3) == MapFlags::kShared || (flags & 3) == 3) f |= VmFlag::kShared | VmFlag::kMayShare;
  return f;
}

Result<Mapped, Errno> mmap(AddressSpace& mm, const MmapRequest& r) {
  if (r.length.raw() == 0 || (r.flags & 3) == 0) return fail(Errno::kInval);
  const PageCount pages = PageCount::covering(r.length);
  if (pages.bytes() < r.length || pages.bytes() > kTaskSize - VirtAddr(0)) return fail(Errno::kNoMem);
  if (!mm.mappings().may_add_mapping()) return fail(Errno::kNoMem);
  VmFlags flags = flags_for(r.prot, r.flags) | mm.def_flags | QUIRE_TRY(tag_flags(mm, r.prot, r.file));

  MmapRequest request = r;
  request.length = pages.bytes();
  const VirtAddr addr = QUIRE_TRY(place(mm, request));
  const VirtRange range{addr, addr + pages};
  if ((r.flags & MapFlags::kFixedNoReplace) != 0 && mm.mappings().overlaps(range)) return fail(Errno::kExist);
  if (over_address_space_limit(mm, pages)) return fail(Errno::kNoMem);

  QUIRE_TRY(unmap(mm, range));
  if (accountable(flags)) flags |= VmFlag::kAccount;
  mm.note_growth(mm.mappings().map({.range = range, .flags = flags, .file = r.file, .pgoff = r.pgoff}));
  Mapped result{addr, {}};
  const bool populate = (r.flags & (MapFlags::kPopulate | MapFlags::kNonBlock)) == MapFlags::kPopulate;
  if (flags.has(VmFlag::kLocked) || populate) result.populated = mm_populate(mm, range);
  return result;
}

Result<void, Errno> munmap(AddressSpace& mm, VirtAddr addr, ByteCount length) {
  return unmap(mm, QUIRE_TRY(range_of(addr, length)));
}

Result<void, Errno> mprotect(AddressSpace& mm, VirtAddr addr, ByteCount length, int prot) {
  if (!addr.aligned()) return fail(Errno::kInval);
  if (length.raw() == 0) return {};
  const VirtRange range{addr, addr + PageCount::covering(length)};
  if (range.empty()) return fail(Errno::kNoMem);
  if ((prot & Prot::kMte) != 0 && mm.memory().tags() == nullptr) return fail(Errno::kInval);
  const VmFlags wanted = access_flags(prot);
  VirtAddr at = range.begin;
  while (at < range.end) {
    Vma* vma = mm.mappings().find(at);
    if (vma == nullptr) return fail(Errno::kNoMem);
    const VmFlags may((vma->flags & kVmMayFlags).raw() >> 4);
    if (!may.has_all(wanted)) return fail(Errno::kAcces);
    const VirtRange part{at, std::min(vma->end(), range.end)};
    const VmFlags old = vma->flags;
    VmFlags flags = old.without(kVmAccessFlags) | wanted | QUIRE_TRY(more_tag_flags(prot, old));
    if (flags.has(VmFlag::kWrite)) {
      if (!old.has_any(VmFlags(VmFlag::kAccount) | VmFlag::kWrite | VmFlag::kHugeTlb | VmFlag::kShared |
                       VmFlag::kNoReserve)) {
        flags |= VmFlag::kAccount;
      }
    } else if (old.has(VmFlag::kAccount) && vma->is_anonymous() && vma->anon_vma == nullptr) {
      flags = flags.without(VmFlag::kAccount);
    }
    if (flags != old) {
      vma = QUIRE_TRY(mm.modify(*vma, part, flags));
      change_protection(mm, *vma, part);
      // A locked mapping that may now be written to gets its own pages at once.
      if ((old & (VmFlags(VmFlag::kWrite) | VmFlag::kShared | VmFlag::kLocked)) == VmFlags(VmFlag::kLocked) &&
          flags.has(VmFlag::kWrite)) {
        mm_populate(mm, part);
      }
    }
    at = part.end;
  }
  return {};
}

Mapped brk(AddressSpace& mm, VirtAddr to) {
  const Mapped unchanged{mm.brk, {}};
  if (to < mm.start_brk) return unchanged;
  if (to - mm.start_brk > mm.limits.data) return unchanged;
  const VirtAddr old_end = mm.brk.align_up();
  const VirtAddr new_end = to.align_up();
  if (new_end < old_end) {
    if (!unmap(mm, {new_end, old_end})) return unchanged;
  } else if (new_end > old_end) {
    const VirtRange grown{old_end, new_end};
    const Vma* const next = mm.mappings().find_first_from(old_end);
    // One page always stays free above the heap.
    const PageCount gap =
        PageCount(1) +
        (next != nullptr && next->flags.has(VmFlag::kGrowsDown) ? kStackGuardGap : PageCount(0));
    if (new_end > kTaskSize || (next != nullptr && next->begin() < new_end + gap) ||
        over_address_space_limit(mm, pages_between(old_end, new_end)) || !mm.mappings().may_add_mapping()) {
      return unchanged;
    }
    const VmFlags flags = flags_for(Prot::kRead | Prot::kWrite, MapFlags::kPrivate) | VmFlag::kAccount |
                          mm.def_flags | own_memory_flags(mm);
    // The heap grows itself, never the mapping below where it starts (bss).
    const MergeWith with = old_end > mm.start_brk ? MergeWith::kPrevOnly : MergeWith::kNone;
    mm.note_growth(
        mm.mappings().map({.range = grown, .flags = flags, .file = FileRef::none(), .pgoff = 0}, with));
    mm.brk = to;
    Mapped result{to, {}};
    if (mm.def_flags.has(VmFlag::kLocked)) result.populated = mm_populate(mm, grown);
    return result;
  }
  mm.brk = to;
  return {to, {}};
}

namespace {

// mlock and munlock: sets the lock bits of every mapping in the range.
Result<void, Errno> set_lock_flags(AddressSpace& mm, VirtRange range, VmFlags lock) {
  VirtAddr at = range.begin;
  while (at < range.end) {
    Vma* const vma = mm.mappings().find(at);
    if (vma == nullptr) return fail(Errno::kNoMem);
    const VirtRange part{at, std::min(vma->end(), range.end)};
    const VmFlags flags = vma->flags.without(kVmLockedMask) | lock;
    if (flags != vma->flags && !vma->is_special() && !vma->flags.has(VmFlag::kHugeTlb)) {
      const bool was_locked = vma->flags.has(VmFlag::kLocked);
      const Vma* const changed = QUIRE_TRY(mm.modify(*vma, part, flags));
      if (was_locked != flags.has(VmFlag::kLocked)) mlock_pages_range(mm, *changed, part);
    }
    at = part.end;
  }
  return {};
}

// lock calls take any address: the range is widened to whole pages.
VirtRange widened(VirtAddr addr, ByteCount length) {
  return {addr.align_down(), addr.align_down() + PageCount::covering(length + ByteCount(addr.page_offset()))};
}

}  // namespace

Result<Populated, Errno> mlock(AddressSpace& mm, VirtAddr addr, ByteCount length, LockOnFault on_fault) {
  const VirtRange range = widened(addr, length);
  if (range.end < range.begin) return fail(Errno::kInval);
  VmFlags lock = VmFlag::kLocked;
  if (on_fault == LockOnFault::kYes) lock |= VmFlag::kLockOnFault;
  QUIRE_TRY(set_lock_flags(mm, range, lock));
  return mlock_populate(mm, range);
}

Result<void, Errno> munlock(AddressSpace& mm, VirtAddr addr, ByteCount length) {
  const VirtRange range = widened(addr, length);
  if (range.end < range.begin) return fail(Errno::kInval);
  return set_lock_flags(mm, range, {});
}

Result<Populated, Errno> mlockall(AddressSpace& mm, int flags) {
  if ((flags & ~7) != 0 || flags == 4) return fail(Errno::kInval);
  VmFlags lock;
  if ((flags & 3) != 0) {
    lock = VmFlag::kLocked;
    if ((flags & 4) != 0) lock |= VmFlag::kLockOnFault;
  }
  mm.def_flags =
      (flags & 2) != 0 ? mm.def_flags.without(kVmLockedMask) | lock : mm.def_flags.without(kVmLockedMask);
  if (flags != 0 && (flags & 1) == 0) return Populated{};
  VirtAddr at;
  while (Vma* const vma = mm.mappings().find_first_from(at)) {
    at = vma->end();
    const auto changed = set_lock_flags(mm, vma->range, lock);
    static_cast<void>(changed);  // the kernel, too, ignores what it could not lock
  }
  if ((flags & 5) != 1) return Populated{};
  return mm_populate(mm, {VirtAddr(0), kTaskSize});
}

namespace {

// Grows or shrinks in place where that is possible; nothing when a move is needed.
Result<std::optional<Mapped>, Errno> resize_in_place(AddressSpace& mm, const MremapRequest& r, Vma& vma,
                                                     VirtRange old_range, PageCount new_pages) {
  const PageCount old_pages = pages_between(old_range.begin, old_range.end);
  if (new_pages <= old_pages) {
    if (new_pages < old_pages) QUIRE_TRY(unmap(mm, {r.addr + new_pages, old_range.end}));
    return Mapped{r.addr, {}};
  }
  if (r.place && *r.place != r.addr) return std::optional<Mapped>{};
  const VirtRange grown{old_range.end, r.addr + new_pages};
  if (old_range.end != vma.end() || grown.end > kTaskSize || mm.mappings().overlaps(grown))
    return std::optional<Mapped>{};
  if (over_address_space_limit(mm, new_pages - old_pages)) return fail(Errno::kNoMem);
  const bool locked = vma.flags.has(VmFlag::kLocked);
  const Vma* const extended = mm.mappings().extend(vma, new_pages - old_pages);
  if (extended == nullptr) return fail(Errno::kNoMem);
  mm.note_growth(*extended);
  Mapped result{r.addr, {}};
  if (locked) result.populated = mm_populate(mm, grown);
  return result;
}

// Where a move goes.
Result<VirtAddr, Errno> target_of(AddressSpace& mm, const MremapRequest& r, const Vma& vma,
                                  PageCount new_pages) {
  if ((r.flags & RemapFlags::kFixed) != 0) return r.new_addr;
  if (r.place) return *r.place;
  PlacementRequest p{.hint = r.new_addr, .length = new_pages.bytes(), .pgoff = vma.page_index(r.addr)};
  p.rule = vma.is_anonymous()                    ? PlacementRule::kAnonymous
           : vma.file.kind == FileKind::kShmem   ? PlacementRule::kShmem
           : vma.file.kind == FileKind::kRegular ? PlacementRule::kThpFile
                                                 : PlacementRule::kPlain;
  return get_unmapped_area(mm.mappings(), mm.layout, p);
}

Result<Mapped, Errno> move_vma(AddressSpace& mm, const MremapRequest& r, Vma& vma, VirtRange old_range,
                               VirtRange to) {
  const bool dont_unmap = (r.flags & RemapFlags::kDontUnmap) != 0;
  const bool locked = vma.flags.has(VmFlag::kLocked);
  const bool whole = vma.range == old_range;
  const CopiedVma moved = QUIRE_TRY(mm.mappings().copy_vma(vma, old_range, to.begin, to.size()));
  if (moved.copy->range != to) mm.note_growth(*moved.copy);
  const auto entries = move_page_tables(mm, *moved.source, old_range, to.begin);
  if (!entries) {
    // Back again: every table the way back needs exists, so this cannot fail.
    QUIRE_CHECK(move_page_tables(mm, *moved.copy, {to.begin, to.begin + old_range.size()}, old_range.begin)
                    .has_value());
    QUIRE_TRY(unmap(mm, to));
    return fail(entries.error());
  }
  // What moved is not watched any more, and neither is what it merged with.
  moved.copy->flags = moved.copy->flags.without(kVmUffdFlags);
  moved.copy->userfaultfd_ctx = 0;
  if (dont_unmap) {
    moved.source->flags = moved.source->flags.without(kVmLockedMask);  // of all of it, not of the part
    if (whole) mm.mappings().drop_anon_vma(*moved.source);
  } else {
    QUIRE_TRY(unmap(mm, old_range));
  }
  Mapped result{to.begin, {}};
  if (locked && to.size() > old_range.size())
    result.populated = mm_populate(mm, {to.begin + old_range.size(), to.end});
  return result;
}

// What is wrong with the numbers alone, before any mapping is looked at.
bool silly(const MremapRequest& r, PageCount old_pages, PageCount new_pages) {
  const bool dont_unmap = (r.flags & RemapFlags::kDontUnmap) != 0;
  if ((r.flags & ~7) != 0 || !r.addr.aligned() || new_pages.raw() == 0) return true;
  if (new_pages.bytes() > kTaskSize - VirtAddr(0)) return true;
  if ((r.flags & (RemapFlags::kFixed | RemapFlags::kDontUnmap)) == 0) return false;
  if (!r.new_addr.aligned() || r.new_addr > kTaskSize - new_pages) return true;
  if ((r.flags & RemapFlags::kMayMove) == 0 || (dont_unmap && old_pages != new_pages)) return true;
  return VirtRange{r.new_addr, r.new_addr + new_pages}.overlaps({r.addr, r.addr + old_pages});
}

// Whether `vma`, found at the old address, may be grown or moved as asked.
Result<void, Errno> check_source(const MremapRequest& r, const Vma* vma, VirtRange old_range,
                                 PageCount new_pages) {
  if (vma == nullptr) return fail(Errno::kFault);
  const PageCount old_pages = pages_between(old_range.begin, old_range.end);
  const bool moves = (r.flags & (RemapFlags::kFixed | RemapFlags::kDontUnmap)) != 0;
  if (!moves && new_pages <= old_pages) return {};
  if (old_pages.raw() == 0) return fail(Errno::kInval);  // duplicating shared memory is not modelled
  const bool fixed_size = vma->flags.has_any(VmFlag::kDontExpand | VmFlag::kPfnMap);
  if ((r.flags & RemapFlags::kDontUnmap) != 0 && fixed_size) return fail(Errno::kInval);
  // What a shrinking move leaves behind may lie in other mappings.
  const VirtRange moved{old_range.begin, old_range.begin + std::min(old_pages, new_pages)};
  if (!vma->range.covers(moved)) return fail(Errno::kFault);
  if (new_pages > old_pages && fixed_size) return fail(Errno::kFault);
  return {};
}

// MREMAP_FIXED or MREMAP_DONTUNMAP of a part of one mapping, checked before.
Result<Mapped, Errno> remap_to(AddressSpace& mm, const MremapRequest& r, VirtRange old_range,
                               PageCount new_pages) {
  const VirtAddr to = QUIRE_TRY(target_of(mm, r, *mm.mappings().find(r.addr), new_pages));
  const VirtRange target{to, to + new_pages};
  if ((r.flags & RemapFlags::kFixed) != 0) QUIRE_TRY(unmap(mm, target));
  const VirtAddr kept_end = r.addr + new_pages;
  if (kept_end < old_range.end) {
    QUIRE_TRY(unmap(mm, {kept_end, old_range.end}));
    old_range.end = kept_end;
  }
  return move_vma(mm, r, *mm.mappings().find(r.addr), old_range, target);
}

// A move that keeps the length takes every mapping of the range along, and
// the holes between them. A file that places its mappings itself moves alone.
Result<Mapped, Errno> move_all(AddressSpace& mm, const MremapRequest& r, VirtRange old_range) {
  Vma* vma = mm.mappings().find(r.addr);
  if (vma == nullptr) return fail(Errno::kFault);
  std::optional<Mapped> first;
  for (VirtAddr at = r.addr; at < old_range.end; vma = mm.mappings().find_first_from(at)) {
    if (vma == nullptr || vma->begin() >= old_range.end) break;
    at = std::max(at, vma->begin());
    const VirtRange part{at, std::min(vma->end(), old_range.end)};
    const bool alone =
        vma->file.kind == FileKind::kRegular || vma->file.kind == FileKind::kDevice || vma->uffd_armed();
    if (alone && (first || part.end < old_range.end)) return fail(Errno::kFault);
    MremapRequest one = r;
    one.addr = at;
    one.old_length = one.new_length = part.size();
    one.new_addr = r.new_addr + (at - r.addr);
    const PageCount pages = pages_between(part.begin, part.end);
    QUIRE_TRY(check_source(one, vma, part, pages));
    const Mapped moved = QUIRE_TRY(remap_to(mm, one, part, pages));
    if (first) {
      first->populated.faults += moved.populated.faults;
    } else {
      first = moved;
    }
    at = part.end;
  }
  return *first;
}

}  // namespace

Result<Mapped, Errno> mremap(AddressSpace& mm, const MremapRequest& r) {
  const PageCount old_pages = PageCount::covering(r.old_length);
  const PageCount new_pages = PageCount::covering(r.new_length);
  if (silly(r, old_pages, new_pages)) return fail(Errno::kInval);
  const VirtRange old_range{r.addr, r.addr + old_pages};
  const bool fixed = (r.flags & RemapFlags::kFixed) != 0;
  if (fixed && old_pages == new_pages) return move_all(mm, r, old_range);

  Vma* const vma = mm.mappings().find(r.addr);
  QUIRE_TRY(check_source(r, vma, old_range, new_pages));
  if (fixed || (r.flags & RemapFlags::kDontUnmap) != 0) return remap_to(mm, r, old_range, new_pages);
  if (const auto in_place = QUIRE_TRY(resize_in_place(mm, r, *vma, old_range, new_pages))) return *in_place;
  if ((r.flags & RemapFlags::kMayMove) == 0) return fail(Errno::kNoMem);
  const VirtAddr to = QUIRE_TRY(target_of(mm, r, *vma, new_pages));
  return move_vma(mm, r, *vma, old_range, {to, to + new_pages});
}

}  // namespace quire::vm
