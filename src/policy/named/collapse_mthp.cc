// khugepaged to every size (the series "khugepaged: mTHP
// support", in review in 2026): blocks that cannot become 2 MiB are looked at
// again for the enabled sizes below.
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet collapse_orders(const Facts& facts) {
  // A program that asks for a collapse means 2 MiB, as before.
  const OrderSet orders = linux_orders(facts);
  return facts.caller == Caller::forced_collapse ? orders & OrderSet::of(kOrderPmd) : orders;
}

}  // namespace

constinit const Policy kCollapseMthp{
    .name = "collapse-mthp",
    .about = "Linux 6.18, but khugepaged collapses to every size that is on, largest first.",
    .systems = "80",
    .collapse_orders = collapse_orders,
};

}  // namespace quire::policy
