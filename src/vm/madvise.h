// vm/madvise.h - advice about a range.
//
// Mirrors: mm/madvise.c, Linux 6.18, for the advice listed here. Other known
// advice is accepted without an effect on pages where it has none on the
// kernel (NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTDUMP ...); is_modelled()
// says which advice would have done something Quire does not do yet.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"
#include "vm/populate.h"

namespace quire::vm {

// Numbered as in the system call.
enum class Advice : int {
  kNormal = 0,
  kRandom = 1,
  kSequential = 2,
  kWillNeed = 3,
  kDontNeed = 4,
  kFree = 8,
  kRemove = 9,
  kDontFork = 10,
  kDoFork = 11,
  kMergeable = 12,
  kUnmergeable = 13,
  kHugePage = 14,
  kNoHugePage = 15,
  kDontDump = 16,
  kDoDump = 17,
  kWipeOnFork = 18,
  kKeepOnFork = 19,
  kCold = 20,
  kPageOut = 21,
  kPopulateRead = 22,
  kPopulateWrite = 23,
  kDontNeedLocked = 24,
  kCollapse = 25,
  kGuardInstall = 102,
  kGuardRemove = 103,
  // Not of Linux 6.18, numbers of ours: copy shared 2 MiB whole, or not. Only
  // policies that take it (Luka Bai's patch set of May 2026); kInval else.
  kThpCow = 1024,
  kNoThpCow = 1025,
};

// False for advice whose effect on pages is missing here: REMOVE and
// MERGEABLE. madvise answers kInval to these.
[[nodiscard]] bool is_modelled(Advice advice);

// Applies the advice to the mapped parts of [start, start + length), the
// length rounded up to pages. kInval: start not page-aligned, unknown advice,
// or a mapping in the range that forbids it. kNoMem: part of the range is not
// mapped (the rest was advised), or no frame is left. kBusy, kAgain: see
// collapse.h.
[[nodiscard]] Result<Populated, Errno> madvise(AddressSpace& mm, VirtAddr start, ByteCount length,
                                               Advice advice);

}  // namespace quire::vm
