// kernel/library_state.h - what the public Process holds inside.
#pragma once

#include "quire/kernel.h"
#include "vm/address_space.h"

namespace quire {

struct Process::State {
  vm::AddressSpace* mm = nullptr;
};

}  // namespace quire
