// Transparent huge pages as they came with 2.6.38: 2 MiB or 4 KiB, no zero
// page of 2 MiB, a write to a shared one copies all of it, and a change to a
// part of one splits it for good. split/compat_2011.h has the contracts for
// other code of that time.
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet orders(const Facts& facts) {
  if (facts.caller == Caller::forced_collapse) return {};  // MADV_COLLAPSE came in 6.1
  return linux_orders(facts) & OrderSet::of(kOrderPmd);
}

void adjust(Settings& settings) {
  settings.use_zero_page = false;     // 3.8
  settings.shrink_underused = false;  // 6.12
}

bool copies_pmd(const Facts& facts) { return orders(facts).contains(kOrderPmd); }

}  // namespace

constinit const Policy kThp2011{
    .name = "thp-2011",
    .about =
        "Linux 2.6.38: 2M or 4K; a write to a shared 2M copies all of it; a part changed splits the folio.",
    .systems = "1-4, 15-18, 73-76",
    .sizes = Policy::Sizes::kOwn,
    .adjust = adjust,
    .orders = orders,
    .copies_pmd = copies_pmd,
    .pmd_split = PmdSplit::kFolio,
};

}  // namespace quire::policy
