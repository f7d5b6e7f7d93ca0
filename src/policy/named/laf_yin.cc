// Yin Fengwei's and Huang Ying's variant: large folios follow the same rule
// as 2 MiB, so that `madvise` gives them to those who asked only.
#include "policy/named/laf.h"
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet orders(const Facts& facts) {
  const OrderSet thp = laf_thp(facts);
  if (!for_fault(facts.caller) || thp.empty()) return thp;
  return thp | laf_orders_hinted(facts.settings, thp);
}

}  // namespace

constinit const Policy kLafYin{
    .name = "laf-yin",
    .about = "Yin's and Huang's variant (2023): large folios exactly where 2M is allowed.",
    .systems = "6c, 7, 8",
    .sizes = Policy::Sizes::kOwn,
    .files = kLafFiles,
    .orders = orders,
};

}  // namespace quire::policy
