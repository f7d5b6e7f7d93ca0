#include "report/sweep_document.h"

#include <nlohmann/json.hpp>

#include "report/document.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using Json = nlohmann::ordered_json;

// What was run, or was to be.
Json key_json(const lab::SweepKey& key, const std::string& command, const std::string& words) {
  return {{"recording", key.recording},
          {"command", trace::escape_name(command)},
          {"policy", words},
          {"canonical", key.policy},
          {"machine", key.machine},
          {"profile", key.profile},
          {"profile_hash", key.profile_hash}};
}

void put_pressure(Json& json, const lab::SweepPressure& p) {
  json.update(Json{{"major_faults", p.major_faults},
                   {"swapped_out_pages", p.swapped_out},
                   {"swapped_in_pages", p.swapped_in},
                   {"refaulted_pages", p.refaulted},
                   {"scanned_by_kswapd_pages", p.scanned_by_kswapd},
                   {"scanned_directly_pages", p.scanned_directly},
                   {"reclaimed_by_kswapd_pages", p.reclaimed_by_kswapd},
                   {"reclaimed_directly_pages", p.reclaimed_directly},
                   {"direct_reclaims", p.direct_reclaims},
                   {"oom_kills", p.oom_kills},
                   {"peak_swap_bytes", p.peak_swap.raw()},
                   {"peak_zram_bytes", p.peak_zram.raw()}});
}

Json result_json(const lab::SweepRow& row) {
  Json json = key_json(row.key, row.command, row.words);
  json.update(Json{{"ram_bytes", row.ram.raw()},
                   {"fragmentation", row.fragmentation},
                   {"minor_faults", row.minor_faults},
                   {"kernel_ns", row.kernel_ns},
                   {"fault_ns_p99", row.fault_ns_p99},
                   {"peak_resident_bytes", row.peak_resident.raw()},
                   {"wasted_at_peak_bytes", row.wasted_at_peak.raw()},
                   {"peak_page_tables_bytes", row.peak_tables.raw()},
                   {"copied_pages", row.copied_pages},
                   {"folio_splits", row.folio_splits},
                   {"pmd_splits", row.pmd_splits},
                   {"large_folios", row.large_folios},
                   {"large_fallbacks", row.large_fallbacks}});
  if (row.pressure) put_pressure(json, *row.pressure);
  json["state_hash"] = row.state_hash;
  return json;
}

}  // namespace

Result<Json, Diagnostic> sweep_document(lab::SweepStore& store, const std::string& file) {
  Json document = new_document();
  document["inputs"] = {{"path", trace::escape_name(file)}};
  Json& results = document["sweep"]["results"] = Json::array();
  for (const lab::SweepRow& row : QUIRE_TRY(store.results())) results.push_back(result_json(row));
  Json& skipped = document["sweep"]["skipped"] = Json::array();
  for (const lab::SkippedRow& row : QUIRE_TRY(store.skipped())) {
    skipped.push_back(key_json(row.key, row.command, row.words));
    skipped.back()["reason"] = row.reason;
  }
  return document;
}

}  // namespace quire::report
