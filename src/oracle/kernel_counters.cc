#include "oracle/kernel_counters.h"

#include <string_view>

#include "litmus/counter_names.h"
#include "live/host.h"

namespace quire::litmus {
namespace {

// What the kernel gives to whoever comes first, or counts late.
bool is_exact(std::string_view counter) { return !counter.starts_with("thp_zero_page"); }

}  // namespace

KernelCounters::KernelCounters() {
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    for (const std::string_view name : size_counters()) {
      if (reader_.add_file(std::string(live::kThpRoot) + "/" + stat_file(Order(order), name)))
        names_.push_back(counter_name(Order(order), name));
    }
  }
  for (const std::string_view name : event_counters())
    if (is_exact(name) && reader_.add_event(name)) names_.emplace_back(name);
}

}  // namespace quire::litmus
