// David Hildenbrand's remark of May 2026: khugepaged could be told where to
// look next, for example where 2 MiB were just copied or split.
#include "policy/named/named.h"

namespace quire::policy {

constinit const Policy kKhugepagedDirected{
    .name = "khugepaged-directed",
    .about = "Linux 6.18, but khugepaged looks first where a 2M mapping was just split by a copy.",
    .systems = "81",
    .scan_order = ScanOrder::kDirectedFirst,
};

}  // namespace quire::policy
