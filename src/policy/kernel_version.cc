#include "policy/kernel_version.h"

#include <charconv>

namespace quire::policy {

std::optional<KernelVersion> parse_kernel_version(std::string_view release) {
  KernelVersion version;
  const char* const end = release.data() + release.size();
  const auto [dot, bad] = std::from_chars(release.data(), end, version.major);
  if (bad != std::errc() || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, worse] = std::from_chars(dot + 1, end, version.minor);
  if (worse != std::errc() || (rest != end && *rest != '.' && *rest != '-' && *rest != '+'))
    return std::nullopt;
  return version;
}

}  // namespace quire::policy
