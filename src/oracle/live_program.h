// oracle/live_program.h - what a program of an experiment does: one command
// after the other, until it is told to exit.
#pragma once

#include "oracle/live_programs.h"

namespace quire::litmus {

// This process, just forked, becomes the program of that slot: by exec, so that
// it has nothing of its parent's, whom khugepaged may know already. Then it
// answers once.
[[noreturn]] void serve_as_program(const AllWires& wires, unsigned slot);

}  // namespace quire::litmus
