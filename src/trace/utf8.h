// trace/utf8.h - one character of UTF-8 at a time, strictly.
#pragma once

#include <cstddef>
#include <string_view>

namespace quire::trace {

struct Utf8Char {
  char32_t code = 0;
  std::size_t length = 0;  // bytes; 0 when they are not UTF-8
};

// The first character of `text`, which is not empty. Overlong forms,
// surrogates and numbers past U+10FFFF are not UTF-8.
[[nodiscard]] Utf8Char first_utf8(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace quire::trace
