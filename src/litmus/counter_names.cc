#include "litmus/counter_names.h"

#include <fmt/format.h>

#include <array>

#include "base/size.h"

namespace quire::litmus {
namespace {

constexpr std::array<std::string_view, 15> kOfSizes{"anon_fault_alloc",
                                                    "anon_fault_fallback",
                                                    "anon_fault_fallback_charge",
                                                    "anon_fault_declined",
                                                    "split",
                                                    "split_failed",
                                                    "split_deferred",
                                                    "nr_anon",
                                                    "nr_anon_partially_mapped",
                                                    "swpin",
                                                    "swpin_fallback",
                                                    "swpin_fallback_charge",
                                                    "swpout",
                                                    "swpout_fallback",
                                                    "zswpout"};

constexpr std::array<std::string_view, 27> kEvents{
    "thp_fault_alloc", "thp_fault_fallback", "thp_fault_fallback_charge", "thp_collapse_alloc",
    "thp_collapse_alloc_failed", "thp_split_page", "thp_split_page_failed", "thp_deferred_split_page",
    "thp_underused_split_page", "thp_split_pmd", "thp_zero_page_alloc", "thp_zero_page_alloc_failed",
    "thp_swpout", "thp_swpout_fallback", "pglazyfree", "pswpin", "pswpout", "swpin_zero", "swpout_zero",
    "swap_ra", "swap_ra_hit",
    // Of named policies; no kernel has them.
    "thp_cow", "quire_cow_pmds", "quire_cow_pmd_fallback", "quire_zero_folios", "quire_zero_expands",
    "cont_pte_double_map_count"};

}  // namespace

std::span<const std::string_view> size_counters() { return kOfSizes; }
std::span<const std::string_view> event_counters() { return kEvents; }

std::string counter_name(std::optional<Order> size, std::string_view name) {
  return size ? fmt::format("{}/{}", base::short_size(size->bytes()), name) : std::string(name);
}

std::string stat_file(Order size, std::string_view name) {
  return fmt::format("hugepages-{}/stats/{}", base::sysfs_size(size), name);
}

}  // namespace quire::litmus
