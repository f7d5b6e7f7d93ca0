#include "record/perf_merge.h"

#include <algorithm>
#include <cstddef>

namespace quire::record {

void PerfMerge::give_until(std::uint64_t horizon_ns, const std::function<void(const PerfEvent&)>& take) {
  std::ranges::stable_sort(waiting_, {}, &PerfEvent::time_ns);
  const auto end = std::ranges::lower_bound(waiting_, horizon_ns, {}, &PerfEvent::time_ns);
  for (auto event = waiting_.begin(); event != end; ++event) take(*event);
  waiting_.erase(waiting_.begin(), end);
}

}  // namespace quire::record
