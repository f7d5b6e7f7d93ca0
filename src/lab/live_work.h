// lab/live_work.h - kinds of work as this process can make the kernel do them.
#pragma once

#include <optional>

#include "cost/profile.h"

namespace quire::lab {

// Nanoseconds for one unit of the work, over `arena` bytes: of faults while the
// program works between them (lab/paced_faults.h), of all else this thread's
// processor time. Nothing when the kernel did something else than was asked:
// other folios, a system call refused. The settings allow only `order`, to
// memory that is advised.
[[nodiscard]] std::optional<double> measure(cost::SizedWork work, Order order, ByteCount arena);
[[nodiscard]] std::optional<double> measure(cost::Work work, ByteCount arena);

}  // namespace quire::lab
