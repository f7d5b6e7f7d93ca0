// The idea of two knobs of their own: laf_enable, with the words of the global
// file, says where there are large folios, laf_max_order how large. The global
// file goes on to decide about 2 MiB alone, so that each word of laf_enable
// gives a table of its own.
#include <array>

#include "policy/named/laf.h"
#include "policy/named/named.h"

namespace quire::policy {
namespace {

constexpr std::array<std::string_view, 2> kFiles{"laf_enable", "laf_max_order"};

OrderSet orders(const Facts& facts) {
  const OrderSet thp = laf_thp(facts);
  if (!for_fault(facts.caller) || thp_disabled(facts)) return thp;
  const LafSettings& laf = facts.settings.laf;
  const bool wanted =
      laf.enable == GlobalEnabled::always || (laf.enable == GlobalEnabled::madvise && facts.hints.hugepage);
  return wanted ? thp | laf_orders(facts.settings, Order(laf.max_order)) : thp;
}

void adjust(Settings& settings) { settings.laf.arch_wants_pte_order = kPmdOrder; }  // max_order decides

}  // namespace

constinit const Policy kLafTwoKnobs{
    .name = "laf-two-knobs",
    .about = "Large anonymous folios with switches of their own: laf_enable and laf_max_order (2023).",
    .systems = "6d",
    .sizes = Policy::Sizes::kOwn,
    .adjust = adjust,
    .files = kFiles,
    .orders = orders,
};

}  // namespace quire::policy
