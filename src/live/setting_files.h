// live/setting_files.h - a policy::Settings as writes to files, in an order
// that never allows more than both ends do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "live/host.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::live {

// khugepaged looks again after this long: 46 days, the longest round figure
// that its 32-bit file takes.
inline constexpr std::uint32_t kAsleepMillisecs = 4'000'000'000U;

// One file of the settings tree and a value for it, in the words the file
// takes when written.
struct SettingValue {
  std::string path;  // relative to the root: "hugepages-64kB/enabled"
  std::string value;
  bool operator==(const SettingValue&) const = default;
};

// A run that is measured must not be disturbed; settings that stay are whole.
enum class KhugepagedSleep : std::uint8_t { asleep, as_set };

// Every file that `settings` decides and that exists under `root`, in writing
// order (I-GUARD-4):
//   khugepaged first, so that it sleeps before anything is allowed;
//   anon_beside_full where it will hold sizes back;
//   sizes that stop or never started to follow the global file;
//   the global file;
//   sizes that will follow it;
//   anon_beside_full where it will not.
// A size therefore goes from its old rule to its new one in one step.
// A size wanted, or anon_beside_full, but absent from this kernel is refused.
[[nodiscard]] Result<std::vector<SettingValue>, Diagnostic> setting_values(
    const policy::Settings& settings, const std::filesystem::path& root,
    KhugepagedSleep sleep = KhugepagedSleep::asleep);

// The way to the new settings, or back from them.
enum class WriteOrder : std::uint8_t { applying, restoring };

// Sorts values of any origin (a journal) into that order. When restoring,
// khugepaged wakes last.
void sort_for_writing(std::vector<SettingValue>& values, WriteOrder order);

}  // namespace quire::live
