// Traps of swap, of virtual machines and of control groups.
#include "live/doctor/listing.h"
#include "live/doctor/traps.h"

namespace quire::live::doctor {

std::optional<Finding> swap_file_splits(const HostFacts& facts) {
  std::vector<std::string> files;
  for (const SwapArea& area : facts.swaps)
    if (area.type == "file") files.push_back(area.path);
  if (files.empty() || !facts.any_size_on()) return std::nullopt;
  return Finding{fmt::format("swap is a file: {}", listed(files)),
                 "a file need not lie in one piece on the disk, so Linux writes no large folio to it whole: "
                 "each is split "
                 "first, and comes back in small pages (swpout_fallback of each size counts it)",
                 "a partition, a logical volume or zram takes folios whole"};
}

std::optional<Finding> free_page_reporting(const HostFacts& facts) {
  if (facts.reporting_balloons.empty()) return std::nullopt;
  return Finding{
      fmt::format("free page reporting is on: {}", listed(facts.reporting_balloons)),
      "this is a virtual machine that gives free blocks back to its host; the first touch of such a block "
      "waits "
      "for the host, tens of times longer, and large folios are what such blocks are used for. It also "
      "spoils measurements",
      "touch memory before measuring; switch reporting off for the balloon where latency matters more than "
      "the host's memory"};
}

std::optional<Finding> groups_without_swap(const HostFacts& facts) {
  if (facts.swaps.empty() || facts.rule_of_2m() != "always") return std::nullopt;
  std::vector<std::string> names;
  for (const GroupFacts& group : facts.groups)
    if (group.swap_max == "0" && group.memory_max != "max" && !group.memory_max.empty())
      names.push_back(group.path);
  if (names.empty()) return std::nullopt;
  return Finding{fmt::format("memory.swap.max is 0 where memory.max is limited: {}", listed(names)),
                 "2 MiB is always, and counts in full towards memory.max; without swap none of it can leave, "
                 "though the host "
                 "has swap, and the group is killed for memory it never touched",
                 "smaller sizes for this service, or some swap"};
}

}  // namespace quire::live::doctor
