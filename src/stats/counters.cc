#include "stats/counters.h"

namespace quire::stats {

namespace {

// A counter's name and what moves it, kept together so that neither can be
// added without the other.
struct Entry {
  std::string_view name;
  std::string_view meaning;
};

Entry entry(VmEvent e) {
  switch (e) {
    case VmEvent::pgfault:
      return {"pgfault", "Page faults handled, of every kind, minor and major."};
    case VmEvent::pgmajfault:
      return {"pgmajfault",
              "Page faults that had to read from a device; one per fault, whatever the folio's size."};
    case VmEvent::pgreuse:
      return {"pgreuse",
              "Write-protect faults solved by making the present page writable instead of copying it."};
    case VmEvent::pglazyfree:
      return {"pglazyfree",
              "Base pages that MADV_FREE marked as free to drop; a whole 64 KiB folio counts 16."};
    case VmEvent::thp_fault_alloc:
      return {"thp_fault_alloc",
              "2 MiB anonymous folios mapped by a fault, a write to the huge zero folio included."};
    case VmEvent::thp_fault_fallback:
      return {"thp_fault_fallback",
              "Faults that were allowed 2 MiB but could not allocate or charge it, the huge zero folio "
              "included."};
    case VmEvent::thp_fault_fallback_charge:
      return {
          "thp_fault_fallback_charge",
          "The part of thp_fault_fallback where memory was found but the memory cgroup refused the charge."};
    case VmEvent::thp_split_page:
      return {"thp_split_page", "2 MiB folios split into smaller folios."};
    case VmEvent::thp_split_page_failed:
      return {"thp_split_page_failed",
              "Splits of a 2 MiB folio that were begun and given up, for instance because of an extra "
              "reference."};
    case VmEvent::thp_deferred_split_page:
      return {"thp_deferred_split_page", "2 MiB folios marked as partially mapped, once each."};
    case VmEvent::thp_underused_split_page:
      return {
          "thp_underused_split_page",
          "2 MiB folios the shrinker split because more than max_ptes_none of their pages held only zeroes."};
    case VmEvent::thp_split_pmd:
      return {"thp_split_pmd",
              "PMD entries replaced by a table of 512 entries; the folio itself may stay whole."};
    case VmEvent::thp_zero_page_alloc:
      return {"thp_zero_page_alloc", "Allocations of the huge zero folio, not the mappings of it."};
    case VmEvent::thp_zero_page_alloc_failed:
      return {"thp_zero_page_alloc_failed", "Failed allocations of the huge zero folio."};
    case VmEvent::thp_collapse_alloc:
      return {
          "thp_collapse_alloc",
          "2 MiB folios allocated to collapse pages into, also when the collapse then fails; not a fault's."};
    case VmEvent::thp_collapse_alloc_failed:
      return {"thp_collapse_alloc_failed", "Collapses given up because no 2 MiB block was to be had."};
    case VmEvent::thp_scan_exceed_none_pte:
      return {"thp_scan_exceed_none_pte",
              "2 MiB blocks that khugepaged left alone because more than max_ptes_none of their pages were "
              "empty or zero pages."};
    case VmEvent::thp_scan_exceed_swap_pte:
      return {"thp_scan_exceed_swap_pte",
              "2 MiB blocks that khugepaged left alone because more than max_ptes_swap of their entries were "
              "neither empty nor present."};
    case VmEvent::thp_scan_exceed_share_pte:
      return {"thp_scan_exceed_share_pte",
              "2 MiB blocks that khugepaged left alone because more than max_ptes_shared of their pages may "
              "be shared."};
    case VmEvent::thp_swpout_fallback:
      return {"thp_swpout_fallback",
              "2 MiB folios that reclaim split because there was no room in swap for them whole."};
    case VmEvent::pglazyfreed:
      return {"pglazyfreed", "Base pages marked by MADV_FREE, not written since, that reclaim dropped."};
    case VmEvent::pswpin:
      return {"pswpin", "Base pages read from a swap device; neither pages of zeroes nor what zswap kept."};
    case VmEvent::pswpout:
      return {
          "pswpout",
          "Base pages written to a swap device; neither pages of zeroes nor what zswap took, which counts "
          "if zswap writes it back."};
    case VmEvent::swpin_zero:
      return {"swpin_zero", "Base pages swapped in as zeroes without reading a device."};
    case VmEvent::swpout_zero:
      return {"swpout_zero", "Base pages of folios that were all zeroes and only noted as that in swap."};
    case VmEvent::thp_swpout:
      return {"thp_swpout", "2 MiB folios written whole to a swap device."};
    case VmEvent::swap_ra:
      return {"swap_ra", "Base pages read from swap ahead of the page that was asked for."};
    case VmEvent::swap_ra_hit:
      return {"swap_ra_hit", "Base pages read ahead from swap that were asked for later."};
    case VmEvent::zswpin:
      return {"zswpin", "Base pages swapped in from what zswap keeps compressed in memory."};
    case VmEvent::zswpout:
      return {"zswpout", "Base pages that zswap took and keeps compressed in memory."};
    case VmEvent::zswpwb:
      return {"zswpwb", "Base pages that zswap wrote back to the device behind it, to have room or memory."};
    case VmEvent::pgscan_kswapd:
      return {"pgscan_kswapd", "Base pages that kswapd looked at in order to take them back."};
    case VmEvent::pgscan_direct:
      return {"pgscan_direct",
              "Base pages that allocations looked at in order to take them back themselves; a group at its "
              "limit does not count here."};
    case VmEvent::pgscan_anon:
      return {"pgscan_anon", "Anonymous base pages looked at by whoever reclaims."};
    case VmEvent::pgscan_file:
      return {"pgscan_file",
              "Base pages looked at among those that cost nothing to drop, which here are those MADV_FREE "
              "marked."};
    case VmEvent::pgsteal_kswapd:
      return {"pgsteal_kswapd", "Base pages that kswapd took back."};
    case VmEvent::pgsteal_direct:
      return {"pgsteal_direct", "Base pages that allocations took back themselves."};
    case VmEvent::pgsteal_anon:
      return {"pgsteal_anon", "Anonymous base pages taken back by whoever reclaims."};
    case VmEvent::pgsteal_file:
      return {"pgsteal_file",
              "Base pages dropped that MADV_FREE had marked, found among those that cost nothing."};
    case VmEvent::pgrefill:
      return {"pgrefill", "Base pages of the active list looked at in order to refill the inactive one."};
    case VmEvent::pgactivate:
      return {"pgactivate", "Base pages that reclaim found in use and put among the active ones."};
    case VmEvent::pgdeactivate:
      return {"pgdeactivate", "Base pages moved from the active list to the inactive one."};
    case VmEvent::pageoutrun:
      return {"pageoutrun", "Times kswapd ran."};
    case VmEvent::allocstall_normal:
      return {"allocstall_normal", "Page-table allocations that had to free memory themselves."};
    case VmEvent::allocstall_movable:
      return {"allocstall_movable", "Allocations of data pages that had to free memory themselves."};
    case VmEvent::workingset_refault_anon:
      return {"workingset_refault_anon",
              "Base pages read back from swap of which it was still known when they went."};
    case VmEvent::workingset_activate_anon:
      return {"workingset_activate_anon",
              "Of these, pages that had gone so recently that they became active at once."};
    case VmEvent::workingset_restore_anon:
      return {"workingset_restore_anon", "Of these, pages that had been in use already before they went."};
    case VmEvent::oom_kill:
      return {"oom_kill",
              "Processes ended because no memory could be found, of the machine's or of a group's."};
    case VmEvent::quire_cow_pages:
      return {"quire_cow_pages",
              "Anonymous pages copied by a write-protect fault, 4 KiB each; Quire's own, the kernel counts "
              "no such thing."};
    case VmEvent::thp_cow:
      return {"thp_cow",
              "Writes to a page of a shared folio that copied it into a large folio below 2 MiB; OPPO's "
              "kernels count it under this name, Linux 6.18 does not do it."};
    case VmEvent::quire_cow_fallback:
      return {"quire_cow_fallback",
              "Writes to a shared large folio for which no block of a size that was allowed was to be had, "
              "each size once; Quire's own."};
    case VmEvent::quire_cow_pmds:
      return {"quire_cow_pmds",
              "Writes to a shared 2 MiB mapping that copied all of it; Quire's own, policies with PMD copies "
              "only."};
    case VmEvent::quire_cow_pmd_fallback:
      return {"quire_cow_pmd_fallback",
              "Writes to a shared 2 MiB mapping that were to copy all of it and got no block, so that the "
              "entry was split; Quire's own."};
    case VmEvent::quire_unshares:
      return {"quire_unshares",
              "Read pins that had to make a shared page the program's own first, without making it writable; "
              "Quire's own."};
    case VmEvent::quire_zero_folios:
      return {"quire_zero_folios",
              "Reads that mapped sixteen entries of a 64 KiB zero folio at once; Quire's own, policies with "
              "such a folio only."};
    case VmEvent::quire_zero_expands:
      return {"quire_zero_expands",
              "Writes to a zero page that got a large folio for all the zero pages round it; Quire's own, "
              "some policies only."};
    case VmEvent::cont_pte_double_map_count:
      return {"cont_pte_double_map_count",
              "Whole-folio maps that were broken up while others kept theirs, so that each page was counted "
              "besides (DoubleMap); OPPO's kernels count it under this name."};
    case VmEvent::quire_directed_scans:
      return {"quire_directed_scans",
              "Blocks khugepaged looked at out of turn, because a 2 MiB mapping there was just copied or "
              "split; Quire's own."};
    case VmEvent::quire_scanned_folios:
      return {"quire_scanned_folios",
              "Folios that reclaim looked at, one each whatever their size; Quire's own."};
    case VmEvent::quire_rmap_walks:
      return {"quire_rmap_walks",
              "Walks of the reverse map that reclaim made to see whether a folio was used; Quire's own."};
    case VmEvent::quire_walked_entries:
      return {"quire_walked_entries",
              "Page-table entries that generations looked at while ageing; Quire's own."};
    case VmEvent::kCount:
      break;
  }
  return {};
}

Entry entry(MthpStat s) {
  switch (s) {
    case MthpStat::anon_fault_alloc:
      return {"anon_fault_alloc",
              "Anonymous folios of this size mapped by a fault; not by collapse, swap-in or copy-on-write."};
    case MthpStat::anon_fault_fallback:
      return {"anon_fault_fallback",
              "Faults that tried this size and could not allocate or charge it; a size that did not fit is "
              "not tried."};
    case MthpStat::anon_fault_fallback_charge:
      return {
          "anon_fault_fallback_charge",
          "The part of anon_fault_fallback where memory was found but the memory cgroup refused the charge."};
    case MthpStat::anon_fault_declined:
      return {
          "anon_fault_declined",
          "Faults that gave this size up because anon_beside_full is 1 and no block of it beside theirs was "
          "without an empty entry."};
    case MthpStat::split:
      return {"split", "Folios of this size split into smaller ones, counted under the size they had."};
    case MthpStat::split_failed:
      return {
          "split_failed",
          "Splits of a folio of this size that were begun and given up; refusals before that do not count."};
    case MthpStat::split_deferred:
      return {"split_deferred",
              "Anonymous folios of this size marked as partially mapped, once each, also when the mark is "
              "gone at once."};
    case MthpStat::zswpout:
      return {"zswpout", "Folios of this size that zswap took whole."};
    case MthpStat::swpin:
      return {"swpin",
              "Folios of this size read whole from a swap device; neither those of zeroes nor those zswap "
              "kept nor those found in the swap cache."};
    case MthpStat::swpin_fallback:
      return {"swpin_fallback",
              "Swap-ins that tried this size and could not allocate or charge it; a size that did not fit is "
              "not tried."};
    case MthpStat::swpin_fallback_charge:
      return {"swpin_fallback_charge",
              "The part of swpin_fallback where memory was found but the memory cgroup refused the charge."};
    case MthpStat::swpout:
      return {"swpout",
              "Folios of this size written whole to a swap device; neither those of zeroes nor those zswap "
              "took."};
    case MthpStat::swpout_fallback:
      return {"swpout_fallback",
              "Folios of this size that reclaim split because there was no room in swap for them whole; on a "
              "machine without swap, all it was told to take."};
    case MthpStat::nr_anon:
      return {"nr_anon",
              "Gauge: folios of this size that were ever mapped as anonymous memory and are not freed yet."};
    case MthpStat::nr_anon_partially_mapped:
      return {
          "nr_anon_partially_mapped",
          "Gauge: anonymous folios of this size that carry the partially-mapped mark; it falls when they are "
          "split or freed, not when the hole is filled."};
    case MthpStat::collapse_alloc:
      return {"collapse_alloc",
              "Folios of this size below 2 MiB allocated to collapse pages into; policies that collapse to "
              "every size only."};
    case MthpStat::collapse_alloc_failed:
      return {"collapse_alloc_failed",
              "Collapses to this size below 2 MiB given up because no block was to be had; policies that "
              "collapse to every size only."};
    case MthpStat::collapse_exceed_none_pte:
      return {"collapse_exceed_none_pte",
              "Blocks not collapsed to this size because too many of their pages were empty; policies that "
              "collapse to every size only."};
    case MthpStat::collapse_exceed_swap_pte:
      return {"collapse_exceed_swap_pte",
              "Blocks not collapsed to this size because of entries neither empty nor present; policies that "
              "collapse to every size only."};
    case MthpStat::collapse_exceed_shared_pte:
      return {"collapse_exceed_shared_pte",
              "Blocks not collapsed to this size because a page may be shared; policies that collapse to "
              "every size only."};
    case MthpStat::kCount:
      break;
  }
  return {};
}

}  // namespace

std::string_view name(VmEvent e) { return entry(e).name; }
std::string_view name(MthpStat s) { return entry(s).name; }
std::string_view meaning(VmEvent e) { return entry(e).meaning; }
std::string_view meaning(MthpStat s) { return entry(s).meaning; }

}  // namespace quire::stats
