// litmus/draw.h - pages as pictures, and whole steps as text.
#pragma once

#include <string>

#include "litmus/experiment.h"
#include "litmus/names.h"
#include "litmus/observation.h"
#include "litmus/picture.h"

namespace quire::litmus {

// One sign a page.
[[nodiscard]] std::string draw(const Pages& pages, Letters& letters);

// Every step with the picture of each mapping and the counters that moved.
[[nodiscard]] std::string layout_text(const Experiment& experiment, const Recording& recording);

}  // namespace quire::litmus
