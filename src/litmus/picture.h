// litmus/picture.h - the pages of a range as one line of signs.
//
//   .     nothing                 z  the zero page
//   0     a folio of one page     Z  a page of the huge zero folio
//   ~     in swap                 !  a guard marker
//   a-y   a page of a large folio: the first folio that the pictures of a step
//         show is a, the next b, and so on; behind y comes a again. A capital
//         where a PMD entry maps it
//   a*16  sixteen of them; spaces mean nothing
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace quire::litmus {

inline constexpr std::size_t kMaxSigns = 1U << 18;

// The signs without runs and spaces; nothing when the text is no picture.
[[nodiscard]] std::optional<std::string> expand_picture(std::string_view text);
// Runs of four and more as `a*4`, between spaces.
[[nodiscard]] std::string shrink_picture(std::string_view signs);

// Gives letters to folios in the order they are met.
class Letters {
 public:
  [[nodiscard]] char letter(std::uint64_t folio);

 private:
  std::map<std::uint64_t, char> letters_;
};

// A written picture with its letters in the order they are met: `bbaa` becomes
// `aabb`. One Letters for all pictures of a step.
[[nodiscard]] std::string relabel(std::string_view signs, Letters& letters);

}  // namespace quire::litmus
