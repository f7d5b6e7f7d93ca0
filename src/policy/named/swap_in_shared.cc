// The general path of large swap-in, in progress with the swap table (2025, 2026).
#include "policy/named/named.h"

namespace quire::policy {

constinit const Policy kSwapInShared{
    .name = "swap-in-shared",
    .about =
        "Linux 6.18, but entries that processes share, and devices that are not synchronous, also give large "
        "folios back, through the swap cache.",
    .systems = "43, P3",
    .swap_in = SwapIn::kAlsoCached,
};

}  // namespace quire::policy
