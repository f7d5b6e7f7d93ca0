// policy/parse.h - a policy in the kernel's own words.
//
// Mirrors: setup_transparent_hugepage and setup_thp_anon (mm/huge_memory.c)
// and the settings files, Linux 6.18. Differs: where the kernel warns and
// ignores, this refuses; sizes with letters the kernel would skip ("64Kx")
// are refused.
//
//   policy   := word { space word }
//   word     := named | sizes | boot | file
//   named    := "never" | "4K" | "linux-6.18" | "laf-v4" ... first word only (policy/named/)
//   sizes    := "all" | size { "+" size }                    first word only
//   boot     := "transparent_hugepage=" global
//             | "thp_anon=" range { "," range } ":" mode { ";" ... }
//   file     := [ "/sys/kernel/mm/transparent_hugepage/" ] path "=" value
//
// As on a machine, the boot words are applied first and the files after, each
// in the order given; on top of the first word, or of what Linux 6.18 boots
// with.
#pragma once

#include <string>
#include <string_view>

#include "policy/settings.h"
#include "quire/result.h"

namespace quire::policy {

// The settings a machine has under this policy. The Diagnostic is kUsage and
// names the accepted words or sizes.
[[nodiscard]] Result<Settings, Diagnostic> parse_policy(std::string_view text);

// The shortest policy that gives these settings, naming each size at most
// once: "linux-6.18", "thp_anon=64K:always", and `path=value` words only for
// what the kernel has no boot word for. parse_policy reads it back.
[[nodiscard]] std::string canonical(const Settings& settings);

// "thp-2011, laf-v3, ...": the names of all named policies but the default.
[[nodiscard]] std::string policy_names();

// "16K 32K 64K 128K 256K 512K 1M 2M": the sizes a policy may name.
[[nodiscard]] std::string accepted_sizes();

}  // namespace quire::policy
