// policy/fault_orders.h - which folio sizes an anonymous mapping may use, and
// how hard an allocation may try.
//
// Mirrors: thp_vma_allowable_orders, __thp_vma_allowable_orders and
// vma_thp_disabled (include/linux/huge_mm.h, mm/huge_memory.c), and
// vma_thp_gfp_mask, Linux 6.18. Differs: the two tests that need the address
// space are left to the caller, who has it (see allowed_anon_orders).
#pragma once

#include <cstdint>

#include "policy/settings.h"
#include "quire/types.h"

namespace quire::policy {

// Who asks. The rules differ a little for each.
enum class Caller : std::uint8_t { smaps, pagefault, khugepaged, forced_collapse };

// prctl(PR_SET_THP_DISABLE): not called, called, called with the
// "except advised" flag.
enum class ProcessThp : std::uint8_t { kDefault, kDisabled, kDisabledExceptAdvised };

// The facts about a mapping the decision depends on.
struct VmaHints {
  bool hugepage = false;         // VM_HUGEPAGE
  bool nohugepage = false;       // VM_NOHUGEPAGE
  bool temporary_stack = false;  // the stack of a program being exec'd
  bool no_khugepaged = false;    // VM_NO_KHUGEPAGED: special mappings, hugetlb
  // Not of Linux 6.18; no mapping has them unless the policy takes them.
  bool marked = false;  // its name is one the policy knows
  bool cow = false;     // asked for large copies on write
  bool sized = false;   // has a set of sizes of its own:
  OrderSet sizes{};
  bool operator==(const VmaHints&) const = default;
};

// The per-size files as three sets, made once each time a setting changes.
// An order is in at most one of them; in none when it is `never`.
struct AnonOrderMasks {
  OrderSet always;
  OrderSet madvise;
  OrderSet inherit;
  bool operator==(const AnonOrderMasks&) const = default;
};

[[nodiscard]] AnonOrderMasks masks_of(const Settings& settings);

// The orders (2 to 9) an anonymous mapping may use; empty means 4 KiB only.
// As the named policy of the settings decides, else as Linux 6.18.
//
// Left to the caller:
//  - a fault must still fit the aligned block into the mapping;
//  - smaps, khugepaged and a forced collapse keep an order only from
//    orders_below_end() down;
//  - khugepaged and a forced collapse refuse a mapping without anon_vma.
[[nodiscard]] OrderSet allowed_anon_orders(const Settings& settings, const AnonOrderMasks& masks,
                                           ProcessThp process, const VmaHints& hints, Caller caller);

// The orders left when the largest ones, whose last aligned block below the
// end of the mapping does not lie inside it, are dropped.
[[nodiscard]] OrderSet orders_below_end(OrderSet orders, VirtRange vma);

// The orders a fault can be allowed at all, whoever asks. So that a machine
// where a size is off does not ask about each mapping.
[[nodiscard]] OrderSet possible_orders(const Settings& settings, const AnonOrderMasks& masks);

// Whether khugepaged has anything to do: 2 MiB, or under policies that
// collapse to every size, any size, is on for some mapping.
[[nodiscard]] bool khugepaged_enabled(const Settings& settings, const AnonOrderMasks& masks);

// Whether khugepaged of Linux 6.18 has anything to do for anonymous memory: the 2 MiB size
// is on for some mapping. Other sizes do not start it.
[[nodiscard]] bool pmd_size_enabled(const Settings& settings, const AnonOrderMasks& masks);

// What the allocation of a large folio in a fault may do when no free block
// of the size exists, mildest first.
enum class ReclaimEffort : std::uint8_t {
  kNone,           // take a free block or give up
  kWakeKswapd,     // give up, but wake the background reclaimer and compactor
  kDirectNoRetry,  // compact and reclaim here, once
  kDirect,         // compact and reclaim here
};

// By the `defrag` file. `hugepage` of the hints is what counts as advised.
[[nodiscard]] ReclaimEffort reclaim_effort(Defrag defrag, VmaHints hints);

}  // namespace quire::policy
