// vm/fault_result.h - the end of a fault at PMD level.
#pragma once

#include <cstdint>

#include "quire/access.h"

namespace quire::vm {

enum class HugeFault : std::uint8_t { kDone, kFallback, kOom };

}  // namespace quire::vm
