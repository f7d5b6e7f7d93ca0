#include "policy/fault_orders.h"

#include "policy/policy.h"

namespace quire::policy {

namespace {

// The process or the mapping has said no to every size. A collapse that was
// asked for counts as advice.
bool thp_disabled(ProcessThp process, const VmaHints& hints, Caller caller) {
  if (hints.nohugepage) return true;
  switch (process) {
    case ProcessThp::kDefault:
      return false;
    case ProcessThp::kDisabled:
      return true;
    case ProcessThp::kDisabledExceptAdvised:
      return !hints.hugepage && caller != Caller::forced_collapse;
  }
  return true;
}

// What the settings files allow a mapping with these hints. A size that says
// `always` or `madvise` does not ask the global file; only `inherit` does.
OrderSet enabled_orders(GlobalEnabled global, const AnonOrderMasks& masks, const VmaHints& hints) {
  OrderSet orders = masks.always;
  if (hints.hugepage) orders = orders | masks.madvise;
  const bool inherited =
      global == GlobalEnabled::always || (global == GlobalEnabled::madvise && hints.hugepage);
  if (inherited) orders = orders | masks.inherit;
  return orders;
}

}  // namespace

AnonOrderMasks masks_of(const Settings& settings) {
  AnonOrderMasks masks;
  for (unsigned n = 0; n <= kPmdOrder; ++n) {
    const Order order(n);
    if (!kAnonOrders.contains(order)) continue;
    const OrderSet one = OrderSet::of(order);
    switch (settings.at(order)) {
      case SizeEnabled::always:
        masks.always = masks.always | one;
        break;
      case SizeEnabled::madvise:
        masks.madvise = masks.madvise | one;
        break;
      case SizeEnabled::inherit:
        masks.inherit = masks.inherit | one;
        break;
      case SizeEnabled::never:
        break;
    }
  }
  return masks;
}

OrderSet linux_orders(const Facts& facts) {
  const bool collapses = !for_fault(facts.caller);
  if (thp_disabled(facts)) return {};
  if (collapses && facts.hints.no_khugepaged) return {};
  if (facts.hints.temporary_stack) return {};
  if (facts.caller == Caller::forced_collapse) return kAnonOrders;
  return enabled_orders(facts.settings.enabled, facts.masks, facts.hints);
}

bool thp_disabled(const Facts& facts) { return thp_disabled(facts.process, facts.hints, facts.caller); }

OrderSet allowed_anon_orders(const Settings& settings, const AnonOrderMasks& masks, ProcessThp process,
                             const VmaHints& hints, Caller caller) {
  const Facts facts{settings, masks, process, hints, caller};
  return settings.policy->orders == nullptr ? linux_orders(facts) : settings.policy->orders(facts);
}

OrderSet orders_below_end(OrderSet orders, VirtRange vma) {
  while (!orders.empty()) {
    const Order order = orders.highest();
    const VirtAddr end = vma.end.align_down(order);
    // Compared as sizes: a mapping low in memory must not wrap round.
    if (end >= vma.begin && end - vma.begin >= order.bytes()) break;
    orders = orders.without(order);
  }
  return orders;
}

bool pmd_size_enabled(const Settings& settings, const AnonOrderMasks& masks) {
  if (masks.always.contains(kOrderPmd) || masks.madvise.contains(kOrderPmd)) return true;
  return masks.inherit.contains(kOrderPmd) && settings.enabled != GlobalEnabled::never;
}

OrderSet possible_orders(const Settings& settings, const AnonOrderMasks& masks) {
  if (settings.policy->orders != nullptr) return kAnonOrders;
  return masks.always | masks.madvise | masks.inherit;
}

bool khugepaged_enabled(const Settings& settings, const AnonOrderMasks& masks) {
  if (settings.policy->collapse_orders == nullptr) return pmd_size_enabled(settings, masks);
  const bool inherits = !masks.inherit.empty() && settings.enabled != GlobalEnabled::never;
  return inherits || !(masks.always | masks.madvise).empty();
}

ReclaimEffort reclaim_effort(Defrag defrag, VmaHints hints) {
  const bool advised = hints.hugepage;
  switch (defrag) {
    case Defrag::always:
      return advised ? ReclaimEffort::kDirect : ReclaimEffort::kDirectNoRetry;
    case Defrag::defer:
      return ReclaimEffort::kWakeKswapd;
    case Defrag::defer_madvise:
      return advised ? ReclaimEffort::kDirect : ReclaimEffort::kWakeKswapd;
    case Defrag::madvise:
      return advised ? ReclaimEffort::kDirect : ReclaimEffort::kNone;
    case Defrag::never:
      return ReclaimEffort::kNone;
  }
  return ReclaimEffort::kNone;
}

}  // namespace quire::policy
