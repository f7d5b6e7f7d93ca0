// litmus/random.h - experiments made by chance.
//
// One mapping of three huge-page blocks that is advised, protected, unmapped,
// mapped again, moved within itself, written and read by a parent and its
// children, under random settings, and swapped out and in. What is chosen depends on the seed alone.
#pragma once

#include <cstdint>

#include "litmus/experiment.h"

namespace quire::litmus {

struct RandomOptions {
  std::uint64_t seed = 1;
  unsigned steps = 60;
  // Whether the machine has swap, and half of the steps are about it.
  enum class Swap : std::uint8_t { kNone, kZram } swap = Swap::kNone;
};

// Every step is expected to succeed: what really happens is for a run to say.
[[nodiscard]] Experiment random_experiment(const RandomOptions& options);

}  // namespace quire::litmus
