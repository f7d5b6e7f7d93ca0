// policy/kernel_text.h - how the kernel reads what is written to a settings
// file.
//
// Mirrors: sysfs_streq (lib/string.c), kstrtoul and kstrtobool
// (lib/kstrtox.c), Linux 6.18. All of them see the text only up to its first
// NUL byte.
#pragma once

#include <cstdint>
#include <string_view>

#include "quire/result.h"

namespace quire::policy {

// Equal, but for one newline at the end of `written`.
[[nodiscard]] bool sysfs_streq(std::string_view written, std::string_view word);

// An unsigned decimal number of 64 bits with an optional `+` before it and an
// optional newline behind. kRange when it does not fit, whatever follows the
// digits; kInval when it is not a number.
[[nodiscard]] Result<std::uint64_t, Errno> kstrtoul(std::string_view written);

// Yes or no by the first letter (1 y t e, 0 n f d) or by the first two (on,
// of). What follows is not looked at, so "1junk" is yes.
[[nodiscard]] Result<bool, Errno> kstrtobool(std::string_view written);

}  // namespace quire::policy
