// policy/kernel_version.h - which kernels know which setting.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quire::policy {

struct KernelVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

// The first of each.
inline constexpr KernelVersion kHasSizes{6, 8};     // hugepages-<size>kB/enabled, other sizes than 2 MiB
inline constexpr KernelVersion kHasThpAnon{6, 12};  // thp_anon= on the command line
inline constexpr KernelVersion kHasExceptAdvised{6, 18};  // PR_THP_DISABLE_EXCEPT_ADVISED
inline constexpr KernelVersion kThisModel{6, 18};         // what this program models

// Of "6.18", "6.18.44-fc-v595": the first two numbers. Nothing when they are none.
[[nodiscard]] std::optional<KernelVersion> parse_kernel_version(std::string_view release);

}  // namespace quire::policy
