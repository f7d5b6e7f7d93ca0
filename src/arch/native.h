// arch/native.h - the architecture this build simulates.
//
// As Linux does, Quire fixes the architecture and the size of the base page
// when it is compiled: everything above this folder is written once and built
// for each (cmake/QuireArch.cmake). QUIRE_ARM64 chooses arm64; the page size
// is kPageShift of quire/types.h.
#pragma once

#include "arch/arm64.h"
#include "arch/x86_64.h"

namespace quire::arch {

#ifdef QUIRE_ARM64
using Native = Arm64<kPageShift>;
#else
using Native = X86_64;
#endif
static_assert(Native::kPageShift == kPageShift);
static_assert(Native::kEntriesPerTable == 1U << kPmdOrder);

}  // namespace quire::arch
