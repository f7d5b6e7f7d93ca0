// Yu Zhao's variant: what a mapping or process says trumps; the global file
// is a default for 2 MiB only, so that `never` still gives large folios.
#include "policy/named/laf.h"
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet orders(const Facts& facts) {
  const OrderSet thp = laf_thp(facts);
  if (!for_fault(facts.caller)) return thp;
  if (thp_disabled(facts)) return {};
  return thp | laf_orders_hinted(facts.settings, thp);
}

}  // namespace

constinit const Policy kLafYu{
    .name = "laf-yu",
    .about =
        "Yu Zhao's variant (2023): prctl and NOHUGEPAGE trump, the file's never still gives large folios.",
    .systems = "6b, 7, 8",
    .sizes = Policy::Sizes::kOwn,
    .files = kLafFiles,
    .orders = orders,
};

}  // namespace quire::policy
