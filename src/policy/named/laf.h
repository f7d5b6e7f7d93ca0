// policy/named/laf.h - what the proposals for large anonymous folios of
// summer 2023 have in common: one preferred size, order 3, 4 KiB.
//
// Mirrors: anon_folio_order of the patches' mm/memory.c; none was merged in
// this form. The sizes of the hugepages-<size>kB files did not exist: THP is 2
// MiB and follows the global file.
#pragma once

#include <array>

#include "policy/policy.h"

namespace quire::policy {

// PAGE_ALLOC_COSTLY_ORDER: what even an architecture without wishes gets, and
// the one step between the preferred size and 4 KiB.
inline constexpr Order kCostlyOrder{3};

// The settings files of the versions that ask the architecture.
inline constexpr std::array<std::string_view, 2> kLafFiles{"laf_arch_wants_pte_order",
                                                           "laf_unhinted_max_order"};

// The 2 MiB size, as Linux 6.18 allows it. Empty when it does not.
[[nodiscard]] OrderSet laf_thp(const Facts& facts);

// The preferred size of the settings, at most `most`, and order 3 below it.
[[nodiscard]] OrderSet laf_orders(const Settings& settings, Order most);

// The same with the limit of a mapping that may have 2 MiB (`thp`) or not.
[[nodiscard]] OrderSet laf_orders_hinted(const Settings& settings, OrderSet thp);

}  // namespace quire::policy
