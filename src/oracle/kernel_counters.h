// oracle/kernel_counters.h - the counters of the running kernel that
// experiments may speak of, read again and again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "live/counter_reader.h"

namespace quire::litmus {

// KernelCounters keeps the files below hugepages-<size>kB/stats and /proc/vmstat
// open. A counter that this kernel does not have, or does not show exactly, is
// left out.
class KernelCounters {
 public:
  KernelCounters();
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // In the order of names().
  [[nodiscard]] std::vector<std::int64_t> read() { return reader_.read(); }

 private:
  live::CounterReader reader_;
  std::vector<std::string> names_;  // of sizes first, then events
};

}  // namespace quire::litmus
