// convert/strace_words.h - the names strace gives to flags, as numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quire::convert {

// "PROT_READ|PROT_WRITE", "MADV_DONTNEED", "MAP_HUGETLB|21<<MAP_HUGE_SHIFT",
// "NULL", "0x10", "-1", "3</lib/libc.so.6>". Nothing for a name that is unknown.
[[nodiscard]] std::optional<std::uint64_t> read_value(std::string_view text);

// The value behind "name=" in the arguments of clone, which strace names.
[[nodiscard]] std::optional<std::uint64_t> named_value(std::string_view text, std::string_view name);

}  // namespace quire::convert
