// The third version of the series: the global file, the hint and prctl only
// decide about 2 MiB; large folios are everywhere, limited by a boot parameter
// (flexthp_unhinted_max) where 2 MiB is not allowed. It populates memory that
// MADV_NOHUGEPAGE was called on, which is what the discussion was about.
#include "policy/named/laf.h"
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet orders(const Facts& facts) {
  const OrderSet thp = laf_thp(facts);
  if (!for_fault(facts.caller)) return thp;
  return thp | laf_orders_hinted(facts.settings, thp);
}

}  // namespace

constinit const Policy kLafV3{
    .name = "laf-v3",
    .about =
        "Large anonymous folios, version 3 (2023): even with never, NOHUGEPAGE and prctl. Breaks post-copy.",
    .systems = "6a, 7, 8, 10",
    .sizes = Policy::Sizes::kOwn,
    .files = kLafFiles,
    .orders = orders,
};

}  // namespace quire::policy
