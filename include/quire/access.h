// quire/access.h - what a program's access asks, and how it ends.
#pragma once

#include <cstdint>

namespace quire {

enum class AccessKind : std::uint8_t { kRead, kWrite, kExec };

// The end of one access.
enum class FaultResult : std::uint8_t {
  kHit,    // the tables allowed it; no fault
  kMinor,  // one fault, served from memory
  kMajor,  // one fault, for which a swap device was read
  kSegv,   // no mapping, or its protection forbids it: SIGSEGV
  kBus,    // SIGBUS
  kOom,    // no frame left
};

// The access was done.
[[nodiscard]] constexpr bool is_served(FaultResult result) { return result <= FaultResult::kMajor; }
// It was done by a fault.
[[nodiscard]] constexpr bool is_fault(FaultResult result) {
  return result == FaultResult::kMinor || result == FaultResult::kMajor;
}

}  // namespace quire
