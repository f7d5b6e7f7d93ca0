// policy/attributes.h - every writable settings file, as a way to show and
// store one field of Settings.
//
// Mirrors: the _show and _store functions of mm/huge_memory.c and
// mm/khugepaged.c, Linux 6.18: same text, same accepted values, same errors.
// Differs: the shmem files are not modelled and so are not here; one file is
// of some builds of 6.18 only.
//
// sysfs/ shows these as files; parse.h accepts them as "path=value".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "policy/settings.h"
#include "quire/result.h"

namespace quire::policy {

// The kernel's folder of these files, with a slash behind.
inline constexpr std::string_view kSysfsPrefix = "/sys/kernel/mm/transparent_hugepage/";

// Which builds of Linux 6.18 have a file.
enum class Builds : std::uint8_t { kAll, kSome };

struct Attribute {
  std::string path;          // below kSysfsPrefix: "hugepages-64kB/enabled"
  std::string accepts;       // for messages and the reference: "always, madvise or never"
  std::string_view meaning;  // one sentence
  Order order;               // the size, for the files of one size
  std::string (*show)(const Settings&, Order);
  Result<void, Errno> (*store)(Settings&, Order, std::string_view written);
  Builds builds = Builds::kAll;
};

// All of them, in the order of their paths.
[[nodiscard]] std::span<const Attribute> attributes();
// Those that Linux 6.18 does not have, only some of the named policies.
[[nodiscard]] std::span<const Attribute> extra_attributes();

// The one with this path below kSysfsPrefix, or nullptr.
[[nodiscard]] const Attribute* find_attribute(std::string_view path);
// The same, among the kernel's files and those the policy of these settings has besides.
[[nodiscard]] const Attribute* find_attribute(const Settings& settings, std::string_view path);

// The words of the three choice files, in the order the kernel shows them.
[[nodiscard]] std::span<const std::string_view> words(GlobalEnabled);
[[nodiscard]] std::span<const std::string_view> words(SizeEnabled);
[[nodiscard]] std::span<const std::string_view> words(Defrag);

// The word of a value: "defer+madvise".
template <typename Enum>
[[nodiscard]] std::string_view word(Enum value) {
  return words(value)[static_cast<std::size_t>(value)];
}

}  // namespace quire::policy
