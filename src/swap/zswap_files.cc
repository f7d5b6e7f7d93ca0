// What zswap says of itself: the texts of its files, and whether its
// invariants hold.
#include <fmt/format.h>

#include <array>
#include <set>
#include <utility>

#include "swap/zswap_state.h"

namespace quire::swap {
namespace {

std::string number(std::uint64_t value) { return fmt::format("{}\n", value); }
std::string yes_no(bool value) { return value ? "Y\n" : "N\n"; }

using NumberOf = std::uint64_t (*)(const ZswapStats&);
constexpr std::array<std::pair<std::string_view, NumberOf>, 11> kDebugFiles{{
    {"decompress_fail", [](const ZswapStats& s) { return s.decompress_fail; }},
    {"pool_limit_hit", [](const ZswapStats& s) { return s.pool_limit_hit; }},
    {"pool_total_size", [](const ZswapStats& s) { return s.pool_total_size.raw(); }},
    {"reject_alloc_fail", [](const ZswapStats& s) { return s.reject_alloc_fail; }},
    {"reject_compress_fail", [](const ZswapStats& s) { return s.reject_compress_fail; }},
    {"reject_compress_poor", [](const ZswapStats& s) { return s.reject_compress_poor; }},
    {"reject_kmemcache_fail", [](const ZswapStats& s) { return s.reject_kmemcache_fail; }},
    {"reject_reclaim_fail", [](const ZswapStats& s) { return s.reject_reclaim_fail; }},
    {"stored_incompressible_pages", [](const ZswapStats& s) { return s.stored_incompressible_pages; }},
    {"stored_pages", [](const ZswapStats& s) { return s.stored_pages; }},
    {"written_back_pages", [](const ZswapStats& s) { return s.written_back_pages; }},
}};

}  // namespace

Result<std::string, Errno> Zswap::read_file(std::string_view name) const {
  const ZswapParameters& p = parameters();
  if (name == "enabled") return yes_no(p.enabled);
  if (name == "shrinker_enabled") return yes_no(p.shrinker_enabled);
  if (name == "max_pool_percent") return number(p.max_pool_percent);
  if (name == "accept_threshold_percent") return number(p.accept_threshold_percent);
  if (name == "compressor") return fmt::format("{}\n", compress::name(state_->options.compressor));
  for (const auto& [file, of] : kDebugFiles)
    if (file == name) return number(of(stats()));
  return fail(Errno::kNoEnt);
}

void Zswap::check_invariants(base::InvariantReport& out) const {
  const State& s = *state_;
  std::set<const ZswapEntry*> seen;
  std::uint64_t whole = 0;
  for (const ZswapEntry& entry : s.lru) {
    if (!seen.insert(&entry).second) out.broken("I-ZSWAP-2", "slot {} is in the list twice", entry.slot);
    if (s.find(*entry.device, entry.slot) != &entry)
      out.broken("I-ZSWAP-2", "the entry of slot {} is not found there", entry.slot);
    if (entry.length == kPageSize) ++whole;
  }
  if (seen.size() != s.entries.size() || s.pool.objects() != s.entries.size())
    out.broken("I-ZSWAP-1", "{} entries, {} in the list, {} objects", s.entries.size(), seen.size(),
               s.pool.objects());
  if (whole != s.stats.stored_incompressible_pages)
    out.broken("I-ZSWAP-1", "stored_incompressible_pages counts {}, there are {}",
               s.stats.stored_incompressible_pages, whole);
  s.pool.check_invariants(out);
}

}  // namespace quire::swap
