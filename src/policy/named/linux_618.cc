// The default: what Linux 6.18 does, in every decision.
#include "policy/named/named.h"

namespace quire::policy {

constinit const Policy kLinux618{
    .name = "linux-6.18",
    .about = "Linux 6.18 as it boots: 2M inherits from a global file that says madvise, other sizes are off.",
    .systems = "1-4, 10, 13, 14, 22-24b, 28-32, 65-72, 77-79, 82, 83",
};

}  // namespace quire::policy
