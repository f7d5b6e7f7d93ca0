// Traps of shared memory: tmpfs, memfd, System V, shared anonymous mappings.
#include "live/doctor/listing.h"
#include "live/doctor/traps.h"

namespace quire::live::doctor {
namespace {

bool for_everybody(const std::string& word) { return word == "always" || word == "force"; }

}  // namespace

std::optional<Finding> shmem_everywhere(const HostFacts& facts) {
  const std::string global = facts.word("shmem_enabled");
  std::vector<std::string> files;
  if (for_everybody(global)) files.push_back("shmem_enabled is " + global);
  for (const auto& [path, word] : facts.thp)
    if (path.ends_with("/shmem_enabled") && for_everybody(word)) files.push_back(path + " is " + word);
  if (files.empty()) return std::nullopt;
  return Finding{
      listed(files),
      "a file in memory of a few bytes, or a ring of which a page is used, takes a whole folio; force is for "
      "tests and overrides every mount",
      "advise or within_size for shared memory, huge=within_size for a tmpfs that needs it"};
}

std::optional<Finding> shmem_denied(const HostFacts& facts) {
  if (facts.word("shmem_enabled") != "deny" || facts.huge_tmpfs.empty()) return std::nullopt;
  return Finding{fmt::format("shmem_enabled is deny, and huge= is set for {}", listed(facts.huge_tmpfs)),
                 "deny overrides every mount: their huge= does nothing", "write never to shmem_enabled"};
}

}  // namespace quire::live::doctor
