// live/applied.h - settings that stay: `quire apply` and `quire restore`.
//
// Applying goes through a SettingsGuard, so that dying half-way puts everything
// back; the last step renames the guard's journal, and from then on the
// settings stay until restore_applied() walks that journal. A holder (verify,
// litmus) may work on top meanwhile: its journal goes back to what was applied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "live/settings_guard.h"
#include "quire/result.h"

namespace quire::live {

// A dry run takes the lock, and tells what the real one would, changing nothing.
enum class Doing : std::uint8_t { really, dry_run };

// Makes the host's settings those of the policy and leaves them so. The
// changes, in the order they are written; none when everything is so already,
// and then there is nothing to restore either. Refused while somebody holds
// the settings, while a policy is applied, for policies no kernel has, and for
// a file or word that this kernel lacks: all before the first change.
[[nodiscard]] Result<std::vector<SettingChange>, Diagnostic> apply_policy(std::string_view policy,
                                                                          Doing doing,
                                                                          const GuardConfig& config = {});

// Puts back what was applied, and first what a killed holder left behind. A
// file that somebody else changed since keeps its value and is reported;
// nothing to do is success with an empty report.
[[nodiscard]] Result<RestoreReport, Diagnostic> restore_applied(Doing doing, const GuardConfig& config = {});

}  // namespace quire::live
