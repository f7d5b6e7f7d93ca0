// trace/varint.h - numbers as groups of seven bits, low group first, and the
// cursor that reads them without ever leaving its column.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace quire::trace {

using Column = std::vector<std::uint8_t>;

// Small differences of either sign become small numbers.
[[nodiscard]] constexpr std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1) ^ (0 - (difference >> 63));
}
[[nodiscard]] constexpr std::uint64_t unzigzag(std::uint64_t value) {
  return (value >> 1) ^ (0 - (value & 1));
}

inline void put_varint(Column& to, std::uint64_t value) {
  while (value >= 0x80) {
    to.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  to.push_back(static_cast<std::uint8_t>(value));
}

// Reads one column. Past the end, and for a number of more than 64 bits, it
// gives 0 and remembers that it went wrong: the caller asks once a record.
class ColumnCursor {
 public:
  ColumnCursor() = default;
  ColumnCursor(const std::uint8_t* begin, const std::uint8_t* end) : at_(begin), end_(end) {}

  [[nodiscard]] std::uint8_t byte() {
    if (at_ == end_) [[unlikely]]
      return fail();
    return *at_++;
  }
  [[nodiscard]] std::uint64_t varint() {
    if (at_ != end_ && *at_ < 0x80) [[likely]]
      return *at_++;
    return long_varint();
  }
  [[nodiscard]] std::string_view text(std::uint64_t length) {
    if (length > static_cast<std::uint64_t>(end_ - at_)) {
      (void)fail();
      return {};
    }
    const auto* begin = reinterpret_cast<const char*>(at_);
    at_ += length;
    return {begin, static_cast<std::size_t>(length)};
  }
  // Marks the column as wrong: what it gave made no sense.
  void spoil() { (void)fail(); }
  [[nodiscard]] bool wrong() const { return wrong_; }
  [[nodiscard]] bool at_end() const { return at_ == end_; }

 private:
  std::uint8_t fail() {
    wrong_ = true;
    at_ = end_;
    return 0;
  }
  std::uint64_t long_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const std::uint64_t group = *at_++;
      if (shift == 63 && group > 1) return fail();
      value |= (group & 0x7f) << shift;
      if (group < 0x80) return value;
    }
    return fail();
  }

  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool wrong_ = false;
};

}  // namespace quire::trace
