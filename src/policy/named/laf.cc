#include "policy/named/laf.h"

#include <algorithm>

namespace quire::policy {

namespace {

constexpr Order kLargestLaf{kPmdOrder - 1};

}  // namespace

OrderSet laf_thp(const Facts& facts) { return linux_orders(facts) & OrderSet::of(kOrderPmd); }

OrderSet laf_orders(const Settings& settings, Order most) {
  const Order wanted = std::max(Order(settings.laf.arch_wants_pte_order), kCostlyOrder);
  const Order preferred = std::min({wanted, most, kLargestLaf});
  return (OrderSet::of(preferred) | OrderSet::of(kCostlyOrder)).below(Order(preferred.raw() + 1)) &
         kAnonOrders;
}

OrderSet laf_orders_hinted(const Settings& settings, OrderSet thp) {
  return laf_orders(settings, thp.empty() ? Order(settings.laf.unhinted_max_order) : kLargestLaf);
}

}  // namespace quire::policy
