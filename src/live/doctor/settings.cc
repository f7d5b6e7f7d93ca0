// Traps of the settings files themselves.
#include "live/doctor/listing.h"
#include "live/doctor/traps.h"

namespace quire::live::doctor {

std::optional<Finding> sizes_on_under_never(const HostFacts& facts) {
  if (facts.word("enabled") != "never") return std::nullopt;
  std::vector<std::string> on;
  for (const auto& size : facts.sizes())
    if (size.rule != "never") on.push_back(size.name + " " + size.word);
  if (on.empty()) return std::nullopt;
  return Finding{fmt::format("enabled is never, but these sizes are on: {}", listed(on)),
                 "the global file decides only for sizes that say inherit; folios of these are still made",
                 "to switch everything off: quire apply never"};
}

std::optional<Finding> inherit_under_never(const HostFacts& facts) {
  if (facts.word("enabled") != "never") return std::nullopt;
  std::vector<std::string> off;
  for (const auto& size : facts.sizes())
    // 2 MiB inherits on every host that nobody touched.
    if (size.word == "inherit" && size.name != "2048kB") off.push_back(size.name);
  if (off.empty()) return std::nullopt;
  return Finding{fmt::format("these sizes inherit from enabled, which is never: {}", listed(off)),
                 "somebody set them to inherit, and they are off",
                 "write always or madvise to the size, or change the global file"};
}

std::optional<Finding> defrag_always(const HostFacts& facts) {
  if (facts.word("defrag") != "always" || !facts.any_size_on()) return std::nullopt;
  return Finding{
      "defrag is always",
      "a fault that finds no free block compacts and reclaims memory itself, and the program stands "
      "still meanwhile: compact_stall in /proc/vmstat counts it",
      "defer+madvise lets only mappings with MADV_HUGEPAGE wait; madvise is what Linux boots with"};
}

std::optional<Finding> no_huge_zero_folio(const HostFacts& facts) {
  if (facts.word("use_zero_page") != "0" || facts.rule_of_2m() != "always") return std::nullopt;
  return Finding{
      "use_zero_page is 0, and 2 MiB is always",
      "a program that only reads untouched memory gets a zeroed 2 MiB folio for each block instead of the "
      "one that all share",
      "write 1 to use_zero_page"};
}

std::optional<Finding> only_beside_full(const HostFacts& facts) {
  if (facts.word("anon_beside_full") != "1") return std::nullopt;
  std::vector<std::string> on;
  for (const auto& size : facts.sizes())
    if (size.rule != "never" && size.name != "2048kB") on.push_back(size.name);
  if (on.empty()) return std::nullopt;
  return Finding{
      fmt::format("anon_beside_full is 1, and these sizes are on: {}", listed(on)),
      "a fault gets such a folio only beside a block of its size without an empty entry, so that the "
      "first pages of fresh memory are small: anon_fault_declined counts it",
      "write 0 to anon_beside_full, or predict with the word anon_beside_full=1"};
}

}  // namespace quire::live::doctor
