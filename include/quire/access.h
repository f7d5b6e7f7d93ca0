// quire/access.h - what a program's access asks, and how it ends.
#pragma once

#include <cstdint>

namespace quire {

enum class AccessKind : std::uint8_t { kRead, kWrite, kExec };

// The end of one access.
enum class FaultResult : std::uint8_t {
  kHit,    // the tables allowed it; no fault
  kMinor,  // one fault, served from memory
  kSegv,   // no mapping, or its protection forbids it: SIGSEGV
  kBus,    // SIGBUS
  kOom,    // no frame left
};

}  // namespace quire
