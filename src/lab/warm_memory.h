// lab/warm_memory.h - free memory that the host of a guest has filled.
//
// A guest tells its host which large blocks are free, and the host takes the
// memory behind them back (free page reporting): the first touch of such a block
// then waits for the host, ten times longer than a fault takes. Small folios come
// from what is left over of other blocks, large ones from just these; without
// this a run would pay for what an earlier one under another policy gave back.
#pragma once

#include "quire/result.h"
#include "quire/types.h"

namespace quire::lab {

// How much is written to, twice over, for a program of this peak: an eighth more
// than that, and both together no more than half of what is available.
[[nodiscard]] ByteCount warmed_for(ByteCount peak, ByteCount available);

// Starts a process that writes to so much memory in the folios that the settings
// of now give to who advises, and at the same time to as much in small pages, and
// ends. What it gives back is what the next program gets: the kernel hands out
// first what was freed last.
[[nodiscard]] Result<void, Diagnostic> warm_memory(ByteCount peak);

}  // namespace quire::lab
