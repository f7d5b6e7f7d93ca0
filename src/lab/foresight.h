// lab/foresight.h - which folio each fault of a recording could have without one
// page in it that the program does not write to: for policy::Foresight::kFaults.
//
// A first pass over the recording, from its end to its beginning. A page counts for a
// fault when the address space writes to it later, and before it unmaps it, discards it
// or forks (a write after a fork makes a copy, and the page it came with would stay
// behind unused). What lies beyond a moved mapping is not followed: smaller folios
// than could be, never a page too many.
#pragma once

#include <cstdint>
#include <vector>

#include "quire/result.h"
#include "quire/types.h"
#include "trace/reader.h"

namespace quire::lab {

// For each event of a recording, from 1 on, the orders that its fault would fill.
//
// Complexity  : learning takes 40 bytes an event for a moment; afterwards a byte stays
class Foresight {
 public:
  // Reads the whole recording from its beginning. kDamagedInput from the reader.
  [[nodiscard]] static Result<Foresight, Diagnostic> learn(trace::Reader& reader);

  // None for events that are no touches, and for what nobody learned.
  [[nodiscard]] OrderSet at(std::uint64_t event) const {
    if (event >= largest_.size() || largest_[event] == 0) return {};
    return kAnonOrders & OrderSet((2U << largest_[event]) - 1U);
  }

 private:
  std::vector<std::uint8_t> largest_;  // by event; 0: a single page
};

}  // namespace quire::lab
