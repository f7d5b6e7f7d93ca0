// top/frame_json.h - a Frame as one line of JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "top/frame.h"
#include "top/view.h"

namespace quire::top {

// The processes that the view shows, in its order. Every field stands in
// docs/reference/json.md.
[[nodiscard]] nlohmann::ordered_json frame_json(const Frame& frame, const View& view);

}  // namespace quire::top
