// The two designs of zero pages that did not come (2023). Mainline's is one 4
// KiB zero page, which keeps the block from ever being a large folio.
#include "policy/named/named.h"

namespace quire::policy {
constinit const Policy kZeroFolio{
    .name = "zero-64k",
    .about = "Linux 6.18, but a read maps 64K of zeroes at once, and a write to them may get a large folio.",
    .systems = "24a",
    .zero_pages = ZeroPages::kFolio64K,
};

constinit const Policy kZeroExpand{
    .name = "zero-expand",
    .about =
        "Linux 6.18, but a write to a zero page may get a large folio, where only zero pages are round it.",
    .systems = "24c",
    .zero_pages = ZeroPages::kExpandOnWrite,
};

}  // namespace quire::policy
