#include "vm/scan_result.h"

#include <array>

namespace quire::vm {

std::string_view name(ScanResult result) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(ScanResult::kCount)> kNames{
      "failed",
      "succeeded",
      "pmd_null",
      "pmd_none",
      "page_pmd_mapped",
      "exceed_none_pte",
      "exceed_swap_pte",
      "exceed_shared_pte",
      "pte_non_present",
      "pte_uffd_wp",
      "pte_mapped_hugepage",
      "lack_referenced_page",
      "page_null",
      "scan_aborted",
      "not_suitable_page_count",
      "page_not_in_lru",
      "page_locked",
      "page_not_anon",
      "page_compound",
      "no_process_for_page",
      "vma_null",
      "vma_check_failed",
      "not_suitable_address_range",
      "could_not_delete_page_from_lru",
      "alloc_huge_page_failed",
      "ccgroup_charge_failed",
      "truncated",
      "page_has_private",
      "store_failed",
      "copy_poisoned_page",
      "page_filled"};
  return kNames[static_cast<std::size_t>(result)];
}

}  // namespace quire::vm
