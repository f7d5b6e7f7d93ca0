// cli/policies.h - the --policy words of a verb.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cost/profile.h"
#include "lab/machine.h"
#include "lab/verify.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::cli {

// What replay and verify use when no policy is named.
inline constexpr std::string_view kDefaultPolicies[] = {"4K", "64K", "2M", "16K+64K", "all"};

// The named policies, or the default ones, which are then told on stderr.
[[nodiscard]] Result<std::vector<lab::Policy>, Diagnostic> policies_of(const std::string& verb,
                                                                       const std::vector<std::string>& words);

// The memory of the simulated machine.
[[nodiscard]] Result<ByteCount, Diagnostic> ram_of(const std::string& verb, const std::string& word);

// The machine of --machine, if one is given: then --ram is not.
[[nodiscard]] Result<std::optional<lab::Machine>, Diagnostic> machine_of(const std::string& verb,
                                                                         const std::string& machine,
                                                                         const std::string& ram);

// The machine that times are priced by: of the file, or the reference machine.
[[nodiscard]] Result<std::shared_ptr<const cost::Profile>, Diagnostic> profile_of(const std::string& file);

// How many replays at once when nothing was said: one for each cpu.
[[nodiscard]] unsigned default_jobs();

}  // namespace quire::cli
