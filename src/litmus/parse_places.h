// litmus/parse_places.h - the words of the language that say how much and where.
#pragma once

#include <optional>

#include "litmus/cursor.h"

namespace quire::litmus {

// "64K", "2M+4K": a sum of sizes.
[[nodiscard]] std::optional<ByteCount> size_sum(std::string_view text);
[[nodiscard]] bool is_name(std::string_view text);

// Each takes one word, or says what it expected.
[[nodiscard]] Result<ByteCount, Diagnostic> parse_bytes(Cursor& line, const std::string& what);
[[nodiscard]] Result<std::uint64_t, Diagnostic> parse_number(Cursor& line, const std::string& what,
                                                             std::uint64_t limit);
[[nodiscard]] Result<Order, Diagnostic> parse_order(Cursor& line);
[[nodiscard]] Result<std::string, Diagnostic> parse_name(Cursor& line, const std::string& what);
[[nodiscard]] Result<Place, Diagnostic> parse_place(Cursor& line);
[[nodiscard]] Result<Range, Diagnostic> parse_range(Cursor& line);
// `at PLACE`, `align SIZE+SIZE`, or nothing.
[[nodiscard]] Result<Location, Diagnostic> parse_location(Cursor& line);

}  // namespace quire::litmus
