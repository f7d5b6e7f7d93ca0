#include "report/figures.h"

#include <cmath>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/size.h"

namespace quire::report {
namespace {

using FolioCounts = std::array<std::uint64_t, kMaxOrder + 1>;

// Adds one figure for each size of anonymous folios; `value` gives it by order.
template <typename Value>
void put_folios(Sheet& sheet, Value value) {
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    const std::string size = base::sysfs_size(Order(order));
    sheet.push_back({"folios " + size, "/folios/" + size, value(order), Unit::kCount, Show::kUnlessZero});
  }
}

void put(Sheet& sheet, const char* label, const char* key, std::uint64_t value) {
  sheet.push_back({label, key, value, Unit::kCount, Show::kAlways});
}

void put(Sheet& sheet, const char* label, const char* key, ByteCount value) {
  sheet.push_back({label, key, value.raw(), Unit::kBytes, Show::kAlways});
}

void put_hidden(Sheet& sheet, const char* key, std::uint64_t value, Unit unit) {
  sheet.push_back({"", key, value, unit, Show::kJsonOnly});
}

std::int64_t minus(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }

void put_bill(Sheet& sheet, const cost::Bill& bill) {
  const auto put_ns = [&sheet](const char* label, const char* key, double ns, Show show = Show::kAlways) {
    sheet.push_back({label, key, static_cast<std::uint64_t>(std::llround(ns)), Unit::kNanoseconds, show});
  };
  put_ns("kernel time", "/kernel_ns", bill.kernel_ns);
  put_ns("  in faults", "/fault_ns", bill.fault_ns);
  put_ns("  of it copying", "/copy_ns", bill.copy_ns, Show::kUnlessZero);
  put_ns("  of it bringing back from swap", "/swap_in_ns", bill.swap_in_ns, Show::kUnlessZero);
  put_ns("  in writing to swap", "/swap_out_ns", bill.swap_out_ns, Show::kUnlessZero);
  put_ns("  in fork", "/fork_ns", bill.fork_ns, Show::kUnlessZero);
  put_ns("  in unmapping", "/unmap_ns", bill.unmap_ns);
  put_ns("fault p50", "/fault_ns_p50", cost::quantile(bill.faults, 0.5));
  put_ns("fault p99", "/fault_ns_p99", cost::quantile(bill.faults, 0.99));
  put_ns("fault p99.9", "/fault_ns_p999", cost::quantile(bill.faults, 0.999));
  put_ns("longest fault", "/fault_ns_max", cost::quantile(bill.faults, 1));
}

// Of a machine that could be short of memory.
void put_pressure(Sheet& sheet, const lab::ReplayResult& result) {
  const lab::Pressure& pressure = *result.pressure;
  const auto counted = [&](stats::VmEvent event) { return result.counters.get(event); };
  put(sheet, "major faults", "/major_faults", pressure.major_faults);
  put(sheet, "pages swapped out", "/swapped_out_pages", counted(stats::VmEvent::pswpout));
  put(sheet, "pages swapped in", "/swapped_in_pages", counted(stats::VmEvent::pswpin));
  put(sheet, "refaults", "/refaulted_pages", counted(stats::VmEvent::workingset_refault_anon));
  put(sheet, "reclaimed by kswapd", "/reclaimed_by_kswapd_pages", counted(stats::VmEvent::pgsteal_kswapd));
  put(sheet, "reclaimed directly", "/reclaimed_directly_pages", counted(stats::VmEvent::pgsteal_direct));
  put(sheet, "direct reclaims", "/direct_reclaims",
      counted(stats::VmEvent::allocstall_normal) + counted(stats::VmEvent::allocstall_movable));
  put(sheet, "killed for memory", "/oom_kills", pressure.oom_kills);
  put(sheet, "most in swap", "/peak_swap_bytes", pressure.peak_swap_used.bytes());
  put(sheet, "most memory of zram", "/peak_zram_bytes", pressure.peak_zram_memory);
  put_hidden(sheet, "/scanned_by_kswapd_pages", counted(stats::VmEvent::pgscan_kswapd), Unit::kCount);
  put_hidden(sheet, "/scanned_directly_pages", counted(stats::VmEvent::pgscan_direct), Unit::kCount);
  const auto put_zswap = [&](const char* label, const char* key, std::uint64_t value, Unit unit) {
    sheet.push_back({label, key, value, unit, Show::kUnlessZero});
  };
  put_zswap("pages into zswap", "/zswapped_out_pages", counted(stats::VmEvent::zswpout), Unit::kCount);
  put_zswap("pages out of zswap", "/zswapped_in_pages", counted(stats::VmEvent::zswpin), Unit::kCount);
  put_zswap("written back by zswap", "/zswap_written_back_pages", counted(stats::VmEvent::zswpwb),
            Unit::kCount);
  put_zswap("zswap at its limit", "/zswap_limit_hits", pressure.zswap_limit_hits, Unit::kCount);
  put_zswap("most memory of zswap", "/peak_zswap_bytes", pressure.peak_zswap_memory.raw(), Unit::kBytes);
  put_hidden(sheet, "/zswap_bytes", pressure.zswap_memory.raw(), Unit::kBytes);
  put_hidden(sheet, "/zswap_stored_bytes", pressure.zswap_stored.raw(), Unit::kBytes);
  put_hidden(sheet, "/swap_used_bytes", pressure.swap_used.bytes().raw(), Unit::kBytes);
  put_hidden(sheet, "/zram_stored_bytes", pressure.zram_stored.raw(), Unit::kBytes);
  put_hidden(sheet, "/zram_compressed_bytes", pressure.zram_compressed.raw(), Unit::kBytes);
  put_hidden(sheet, "/zram_bytes", pressure.zram_memory.raw(), Unit::kBytes);
  put_hidden(sheet, "/accessed_pages", pressure.accesses, Unit::kCount);
  put_hidden(sheet, "/left_out_events", pressure.left_out, Unit::kCount);
}

}  // namespace

Sheet sheet_of(const lab::ReplayResult& result) {
  Sheet sheet;
  put(sheet, "minor faults", "/minor_faults", result.minor_faults);
  sheet.push_back({"  lost races", "/lost_races", result.lost_races, Unit::kCount, Show::kUnlessZero});
  put_folios(sheet, [&](unsigned order) { return result.folios[order]; });
  put(sheet, "2 MiB maps", "/pmd_maps", result.pmd_maps);
  put(sheet, "folio splits", "/folio_splits", result.folio_splits);
  put(sheet, "2 MiB map splits", "/pmd_splits", result.pmd_splits);
  put(sheet, "peak resident", "/peak_resident_bytes", result.peak_resident);
  put(sheet, "  never touched", "/wasted_at_peak_bytes", result.wasted_at_peak);
  put(sheet, "final resident", "/final_resident_bytes", result.final_resident);
  put(sheet, "  never touched", "/wasted_at_end_bytes", result.wasted_at_end);
  put(sheet, "peak RSS of one", "/peak_rss_bytes", result.peak_rss);
  put(sheet, "peak page tables", "/peak_page_tables_bytes", result.peak_tables);
  put(sheet, "final page tables", "/final_page_tables_bytes", result.final_tables);
  put(sheet, "copied after fork", "/copied_pages", result.pages_copied);
  sheet.push_back(
      {"collapsed to 2 MiB", "/collapsed_blocks", result.collapses, Unit::kCount, Show::kUnlessZero});
  if (result.pressure) put_pressure(sheet, result);
  put_bill(sheet, result.bill);
  put_hidden(sheet, "/events", result.events, Unit::kCount);
  put_hidden(sheet, "/touches", result.touches, Unit::kCount);
  put_hidden(sheet, "/suppressed_touches", result.suppressed, Unit::kCount);
  put_hidden(sheet, "/populated_pages", result.populate_faults, Unit::kCount);
  put_hidden(sheet, "/refused_touches", result.refused, Unit::kCount);
  put_hidden(sheet, "/khugepaged_passes", result.khugepaged_passes, Unit::kCount);
  sheet.push_back({"replay took", "/elapsed_ns", result.elapsed_ns, Unit::kNanoseconds, Show::kAlways});
  sheet.push_back(
      {"", "/state_hash", fmt::format("{:016x}", result.state_hash), Unit::kText, Show::kJsonOnly});
  return sheet;
}

Sheet sheet_of(const lab::Outcome& outcome) {
  Sheet sheet;
  put(sheet, "minor faults", "/minor_faults", outcome.minor_faults);
  put_folios(sheet, [&](unsigned order) { return outcome.folios[order]; });
  put(sheet, "peak RSS of one", "/peak_rss_bytes", outcome.peak_rss);
  return sheet;
}

Sheet difference(const lab::Outcome& measured, const lab::Outcome& predicted) {
  Sheet sheet;
  sheet.push_back({"minor faults", "/minor_faults", minus(measured.minor_faults, predicted.minor_faults)});
  put_folios(sheet, [&](unsigned order) { return minus(measured.folios[order], predicted.folios[order]); });
  sheet.push_back({"peak RSS of one", "/peak_rss_bytes",
                   minus(measured.peak_rss.raw(), predicted.peak_rss.raw()), Unit::kBytes});
  return sheet;
}

nlohmann::ordered_json counters_json(const stats::Counters& counters) {
  auto json = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < stats::kVmEvents; ++i) {
    const auto event = static_cast<stats::VmEvent>(i);
    json[std::string(stats::name(event))] = counters.get(event);
  }
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    auto& size = json["hugepages-" + base::sysfs_size(Order(order))];
    for (std::size_t i = 0; i < stats::kMthpStats; ++i) {
      const auto stat = static_cast<stats::MthpStat>(i);
      size[std::string(stats::name(stat))] = counters.get(stat, Order(order));
    }
  }
  return json;
}

}  // namespace quire::report
