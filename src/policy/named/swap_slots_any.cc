// Non-contiguous slots, the "pony" of the swap abstraction and the virtual swap of 2026.
#include "policy/named/named.h"

namespace quire::policy {

constinit const Policy kSwapSlotsAny{
    .name = "swap-slots-any",
    .about =
        "Linux 6.18, but any free slots hold a large folio, behind an indirection: a fragmented device never "
        "refuses one.",
    .systems = "42, 52, P6",
    .swap_slots = SwapSlots::kAny,
};

}  // namespace quire::policy
