// litmus/shrink.h - the smallest experiment that still shows something.
#pragma once

#include <functional>

#include "litmus/experiment.h"

namespace quire::litmus {

// Whether an experiment still shows what is looked for.
using Shows = std::function<bool(const Experiment&)>;

// Takes away steps, then children with all they do, then settings, and makes
// ranges smaller, as long as `shows` holds; asks it at most `tries` times.
// `experiment` itself must show it.
[[nodiscard]] Experiment shrink(Experiment experiment, const Shows& shows, unsigned tries);

}  // namespace quire::litmus
