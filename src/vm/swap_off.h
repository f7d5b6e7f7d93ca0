// vm/swap_off.h - bringing everything back from a swap device.
//
// Mirrors: try_to_unuse, unuse_mm and unuse_pte of mm/swapfile.c, Linux 6.18.
#pragma once

#include <span>

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// Brings the pages of every entry of this address space that names the device
// into memory, one by one, read-only and old. kNoMem: a frame was missing; what
// came is here. kIo: the device could not give a page; its entry stays.
[[nodiscard]] Result<void, Errno> unuse_mm(AddressSpace& mm, std::uint8_t device);

}  // namespace quire::vm
