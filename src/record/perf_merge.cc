#include "record/perf_merge.h"

#include <algorithm>
#include <utility>

namespace quire::record {

void PerfMerge::give_until(std::uint64_t horizon_ns, const std::function<void(const PerfEvent&)>& take) {
  std::ranges::sort(waiting_, {}, [](const Waiting& w) { return std::pair(w.time_ns, w.number); });
  const auto end = std::ranges::lower_bound(waiting_, horizon_ns, {}, &Waiting::time_ns);
  for (auto waiting = waiting_.begin(); waiting != end; ++waiting) take(waiting->event);
  waiting_.erase(waiting_.begin(), end);
}

}  // namespace quire::record
