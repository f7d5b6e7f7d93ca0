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
  Subject subject = Subject::kPages;
  bool operator==(const Finding&) const = default;
};

// The expectations of the experiment that the recording does not meet, as far
// as it goes. Counters that its side does not show are not judged.
[[nodiscard]] std::vector<Finding> check(const Experiment& experiment, const Recording& recording);

// For an experiment that is to fail: what is to be wrong is taken out, and is
// itself a finding when it is not there.
[[nodiscard]] std::vector<Finding> expect_failure(const Experiment& experiment,
                                                  std::vector<Finding> findings);
// Both: what is wrong with the recording. A side that could not do all of it
// cannot fail as it should either.
[[nodiscard]] std::vector<Finding> wrong_with(const Experiment& experiment, const Recording& recording);

[[nodiscard]] inline bool is_about_a_counter(const Finding& finding) {
  return finding.evidence == Evidence::kCounter;
}

// Where two recordings of the experiment differ: the first step that does, up to
// where the shorter one ends.
[[nodiscard]] std::vector<Finding> compare(const Experiment& experiment, const Recording& a,
                                           const Recording& b);

// The same of the engine's and a kernel's, whose counters may be other programs'
// as well.
[[nodiscard]] std::vector<Finding> differences_to_kernel(const Experiment& experiment,
                                                         const Recording& engine, const Recording& kernel);

}  // namespace quire::litmus
