// litmus/check.h - what is wrong with a recording.
#pragma once

#include <string>
#include <vector>

#include "litmus/experiment.h"
#include "litmus/observation.h"

namespace quire::litmus {

// Counters of a running kernel are moved by other programs as well.
enum class Evidence : std::uint8_t { kCertain, kCounter };

struct Finding {
  Where where;
  std::string what;
  Evidence evidence = Evidence::kCertain;
  bool operator==(const Finding&) const = default;
};

// The expectations of the experiment that the recording does not meet, as far
// as it goes. Counters that its side does not show are not judged.
[[nodiscard]] std::vector<Finding> check(const Experiment& experiment, const Recording& recording);

// Where two recordings of the experiment differ: the first step that does, up to
// where the shorter one ends.
[[nodiscard]] std::vector<Finding> compare(const Experiment& experiment, const Recording& a,
                                           const Recording& b);

}  // namespace quire::litmus
