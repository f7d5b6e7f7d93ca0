// split/shrinker.h - what the kernel does with the deferred-split queue when
// memory is wanted.
//
// Mirrors: deferred_split_scan and thp_underused, Linux 6.18. Differs: the queues of
// all groups are one list; a scan takes folios in its order.
#pragma once

#include <absl/functional/function_ref.h>

#include "vm/system.h"

namespace quire::split {

// Whose queue is scanned: whether this folio is on it.
using OnQueue = absl::FunctionRef<bool(Pfn)>;
[[nodiscard]] inline bool every_folio(Pfn /*head*/) { return true; }

// Looks at the first `nr_to_scan` folios of the queue. Partially mapped ones
// are split to order 0; those that cannot be go to the end of the queue. The
// others, 2 MiB that may be mostly zeroes, are split when more than
// khugepaged's max_ptes_none of their pages are, and leave the queue for good
// when not. Returns how many were split.
std::uint64_t deferred_split_scan(vm::System& system, std::uint64_t nr_to_scan,
                                  OnQueue on_queue = every_folio);

}  // namespace quire::split
