// split/shrinker.h - what the kernel does with the deferred-split queue when
// memory is wanted.
//
// Mirrors: deferred_split_scan and thp_underused, Linux 6.18. Differs: one
// queue for the machine; a scan takes folios in the order of the queue.
#pragma once

#include "vm/system.h"

namespace quire::split {

// Looks at the first `nr_to_scan` folios of the queue. Partially mapped ones
// are split to order 0; those that cannot be go to the end of the queue. The
// others, 2 MiB that may be mostly zeroes, are split when more than
// khugepaged's max_ptes_none of their pages are, and leave the queue for good
// when not. Returns how many were split.
std::uint64_t deferred_split_scan(vm::System& system, std::uint64_t nr_to_scan);

}  // namespace quire::split
