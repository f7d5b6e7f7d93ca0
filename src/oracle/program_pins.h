// oracle/program_pins.h - pins that a program of an experiment takes on its own
// pages. For the program itself: no heap.
#pragma once

#include <array>
#include <cstdint>

#include "oracle/live_programs.h"

namespace quire::litmus {

// ProgramPins keeps long-term pins as buffers registered with io_uring, one ring
// a pin: that pins for writing, and a ring gives the pages back at once when its
// buffers are unregistered.
class ProgramPins {
 public:
  // Writes the pages' bytes nowhere, but makes them the program's own.
  Answer pin(const Command& c);
  // Of the pin on exactly this range that was taken last; EINVAL without one.
  Answer unpin(const Command& c);
  // Pins each page for reading, as process_vm_readv(2) does, and lets go of it.
  static Answer pin_to_read(const Command& c);
  void drop_all();
  // In a fresh child: the pins are its parent's.
  void forget();

 private:
  struct Pin {
    std::uint64_t addr = 0, length = 0;
    int ring = -1;
  };
  std::array<Pin, 64> pins_{};
  unsigned count_ = 0;
};

}  // namespace quire::litmus
