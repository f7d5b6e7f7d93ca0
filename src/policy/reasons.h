// policy/reasons.h - which word of a policy decides a settings file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quire::policy {

struct Reason {
  enum class Kind : std::uint8_t {
    kFile,       // the word names the file: "defrag=never"
    kBoot,       // a boot word: "transparent_hugepage=always", "thp_anon=64K:always"
    kFirst,      // the first word, which says this setting: "64K" of the 64kB file
    kNotListed,  // a first word or thp_anon= that lists sizes, and not this one
    kDefault,    // no word: what Linux 6.18 boots with
  };
  Kind kind = Kind::kDefault;
  std::string word;  // as it stands in the policy; empty for kDefault
  bool operator==(const Reason&) const = default;
};

// For a policy that parse_policy accepts, and a path as Attribute has it.
[[nodiscard]] Reason reason_of(std::string_view policy, std::string_view path);

// "thp_anon=64K:always does not list this size: never"
[[nodiscard]] std::string to_text(const Reason& reason);

}  // namespace quire::policy
