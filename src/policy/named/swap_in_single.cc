// What large folios were worth under memory pressure before large swap-in (6.12):
// every one that went out whole came back in single pages.
#include "policy/named/named.h"

namespace quire::policy {

constinit const Policy kSwapInSingle{
    .name = "swap-in-single",
    .about =
        "Linux 6.18, but what comes back from swap is a single page, as before 6.12: large folios are lost "
        "at their first swap-out.",
    .systems = "44",
    .swap_in = SwapIn::kSingle,
};

}  // namespace quire::policy
