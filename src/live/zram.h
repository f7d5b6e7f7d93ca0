// live/zram.h - zram devices of the running kernel as swap: made, set up, used,
// removed.
//
// Writes: /sys/class/zram-control, /sys/block/zram<n>, the header on the device.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "live/file_ops.h"
#include "live/journal.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::live {

// A new device, nothing in it. Only SettingsGuard::add_zram() calls it, which
// writes it down. kPrivilege on a kernel without zram, and without the right.
[[nodiscard]] Result<JournalDevice, Diagnostic> hot_add_zram(const std::filesystem::path& sys, FileOps& ops);
// Ends its use as swap and removes it. A device of that number that is not this
// one is somebody else's and left alone; so is one that is gone already.
[[nodiscard]] Result<void, Diagnostic> remove_zram(const JournalDevice& device,
                                                   const std::filesystem::path& sys, FileOps& ops);

// Empties the device, gives it a codec and a size, and makes it one that
// swapon(2) takes. kPrivilege: this kernel has no such codec.
[[nodiscard]] Result<void, Diagnostic> format_zram(unsigned number, const std::string& algorithm,
                                                   ByteCount size);
// swapon(2) and swapoff(2). Without a priority, below all others.
[[nodiscard]] int swapon_flags(std::optional<int> priority);
[[nodiscard]] Result<void, Diagnostic> swap_on(unsigned number, std::optional<int> priority);
[[nodiscard]] Result<void, Diagnostic> swap_off(unsigned number);

// The devices and files that are in use as swap: "/dev/zram0".
[[nodiscard]] std::vector<std::string> swaps_in_use();
[[nodiscard]] std::string zram_name(unsigned number);

}  // namespace quire::live
