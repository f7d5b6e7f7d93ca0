#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/size.h"
#include "policy/named/named.h"

namespace quire::policy {
namespace {

constexpr std::array kAll{
    &kLinux618,     &kThp2011,      &kLafV3,   &kLafV4,        &kLafYu,
    &kLafYin,       &kLafTwoKnobs,  &kOppo64K, &kSizeSet,      &kZeroFolio,
    &kZeroExpand,   &kCowLarge,     &kPmdCow,  &kCollapseMthp, &kKhugepagedDirected,
    &kSwapInSingle, &kSwapInShared, &kPmdSwap, &kSwapSlotsAny, &kForesight,
};

// A row of the decision table: what the mapping and the process said.
struct Row {
  std::string_view said;
  VmaHints hints;
  ProcessThp process = ProcessThp::kDefault;
};

constexpr std::array<Row, 7> kRows{{
    {"no hint", {}},
    {"HUGEPAGE", {.hugepage = true}},
    {"NOHUGEPAGE", {.nohugepage = true}},
    {"prctl", {}, ProcessThp::kDisabled},
    {"prctl, HUGEPAGE", {.hugepage = true}, ProcessThp::kDisabled},
    {"prctl except advised", {}, ProcessThp::kDisabledExceptAdvised},
    {"the same, HUGEPAGE", {.hugepage = true}, ProcessThp::kDisabledExceptAdvised},
}};
constexpr std::array kSwitch{GlobalEnabled::never, GlobalEnabled::madvise, GlobalEnabled::always};

}  // namespace

std::span<const Policy* const> named_policies() { return kAll; }

const Policy* find_policy(std::string_view name) {
  const auto found = std::ranges::find(kAll, name, &Policy::name);
  return found == kAll.end() ? nullptr : *found;
}

Settings settings_of(const Policy& policy) {
  Settings settings;
  settings.policy = &policy;
  if (policy.adjust != nullptr) policy.adjust(settings);
  return settings;
}

std::string in_terms(OrderSet orders) {
  std::string text;
  if (orders.contains(kOrderPmd)) text += "THP>";
  if (!orders.below(kOrderPmd).empty()) text += "LAF>";
  return text + "S";
}

std::string in_sizes(OrderSet orders) {
  std::string text;
  for (; !orders.empty(); orders = orders.without(orders.highest()))
    text += base::short_size(orders.highest().bytes()) + ">";
  return text + "4K";
}

std::string decision_table(const Settings& settings, ShowOrders show) {
  std::string table = fmt::format("{:<20} | {:<11} | {:<11} | {}\n", "", "never", "madvise", "always");
  for (const Row& row : kRows) {
    std::array<std::string, kSwitch.size()> cells;
    for (std::size_t i = 0; i < kSwitch.size(); ++i) {
      Settings s = settings;
      s.enabled = kSwitch[i];
      cells[i] = show(allowed_anon_orders(s, masks_of(s), row.process, row.hints, Caller::pagefault));
    }
    table += fmt::format("{:<20} | {:<11} | {:<11} | {}\n", row.said, cells[0], cells[1], cells[2]);
  }
  return table;
}

}  // namespace quire::policy
