#include <fmt/format.h>

#include "trace/describe.h"
#include "trace/utf8.h"

namespace quire::trace {
namespace {

bool between(char32_t code, char32_t first, char32_t last) { return first <= code && code <= last; }

// What moves the cursor, hides text or turns its direction.
bool harmful(char32_t code) {
  return code < 0x20 || between(code, 0x7f, 0x9f) || code == 0x61c || between(code, 0x200b, 0x200f) ||
         between(code, 0x2028, 0x202e) || between(code, 0x2060, 0x206f) || code == 0xfeff ||
         between(code, 0xe0000, 0xe0fff);
}

}  // namespace

std::string escape_name(std::string_view name) {
  std::string shown;
  while (!name.empty()) {
    const Utf8Char next = first_utf8(name);
    const std::size_t length = next.length == 0 ? 1 : next.length;
    if (next.length == 0 || (next.code < 0x80 && harmful(next.code))) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(name[0]));
    } else if (harmful(next.code)) {
      shown += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(next.code));
    } else if (next.code == '\\') {
      shown += "\\\\";
    } else {
      shown += name.substr(0, length);
    }
    name.remove_prefix(length);
  }
  return shown;
}

}  // namespace quire::trace
