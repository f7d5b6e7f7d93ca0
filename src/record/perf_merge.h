// record/perf_merge.h - one order out of the rings of several processors.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "record/perf_event.h"

namespace quire::record {

// Events of one processor come in their order; between processors the clock
// decides. An event can be a little late in its ring, so only those older than
// the moment of the read before are given out.
class PerfMerge {
 public:
  void add(PerfEvent event) { waiting_.push_back({event.time_ns, ++last_, std::move(event)}); }

  // Gives, in order, everything older than `horizon_ns`.
  void give_until(std::uint64_t horizon_ns, const std::function<void(const PerfEvent&)>& take);

 private:
  struct Waiting {
    std::uint64_t time_ns;
    std::uint64_t number;  // equal times keep the order they were read in
    PerfEvent event;
  };
  std::uint64_t last_ = 0;
  std::vector<Waiting> waiting_;
};

}  // namespace quire::record
