// vm/fault_result.h - kinds and ends of the parts of a fault.
#pragma once

#include <cstdint>

#include "quire/access.h"

namespace quire::vm {

// Why a page that others may share is made the program's own.
enum class WpKind : std::uint8_t {
  kWrite,
  kUnshare,  // FAULT_FLAG_UNSHARE: a read pin; the entry never becomes writable
};

// kBus: a userfaultfd watches the page.
enum class HugeFault : std::uint8_t { kDone, kFallback, kOom, kBus };

}  // namespace quire::vm
