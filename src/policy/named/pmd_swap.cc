// PMD swap entries, posted in April 2026.
#include "policy/named/named.h"

namespace quire::policy {

constinit const Policy kPmdSwap{
    .name = "pmd-swap",
    .about = "Linux 6.18, but a 2M mapping goes to swap as one entry and comes back as one (2026).",
    .systems = "87",
    .pmd_swap = PmdSwap::kEntry,
};

}  // namespace quire::policy
