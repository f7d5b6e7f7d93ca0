// The fourth version of the series, and what the discussion of 3-4 August
// 2023 concluded: large folios wherever THP is not off, at most 64 KiB where
// nobody asked.
#include "policy/named/laf.h"
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet orders(const Facts& facts) {
  const OrderSet thp = laf_thp(facts);
  if (!for_fault(facts.caller)) return thp;
  if (thp_disabled(facts) || facts.settings.enabled == GlobalEnabled::never) return {};
  return thp | laf_orders_hinted(facts.settings, thp);
}

}  // namespace

constinit const Policy kLafV4{
    .name = "laf-v4",
    .about = "Large anonymous folios, version 4 (2023): one preferred size wherever THP is not off.",
    .systems = "5, 7, 8, 10",
    .sizes = Policy::Sizes::kOwn,
    .files = kLafFiles,
    .orders = orders,
};

}  // namespace quire::policy
