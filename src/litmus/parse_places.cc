#include "litmus/parse_places.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "base/size.h"

namespace quire::litmus {
namespace {

constexpr std::uint64_t kAddressLimit = 1ULL << 47;
constexpr const char* kPlaceForm = "a place (A, A+20K, 0x200000000)";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::uint64_t> hex_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, 16);
  if (error != std::errc{} || end != text.data() + text.size() || n >= kAddressLimit) return std::nullopt;
  return n;
}

// `name[+sum]` or `0xhex[+sum]`.
std::optional<Place> place_of(std::string_view text) {
  const std::size_t plus = text.find('+');
  const std::string_view head = text.substr(0, plus);
  Place place;
  if (plus != std::string_view::npos) {
    const auto sum = size_sum(text.substr(plus + 1));
    if (!sum) return std::nullopt;
    place.offset = *sum;
  }
  if (head.starts_with("0x")) {
    const auto address = hex_number(head.substr(2));
    if (!address || *address + place.offset.raw() >= kAddressLimit) return std::nullopt;
    place.offset += ByteCount(*address);
    return place;
  }
  if (!is_name(head)) return std::nullopt;
  place.name = head;
  return place;
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 32 || !is_letter(text.front())) return false;
  for (const char c : text)
    if (!is_letter(c) && !is_digit(c)) return false;
  return true;
}

std::optional<ByteCount> size_sum(std::string_view text) {
  ByteCount sum;
  for (;;) {
    const std::size_t plus = text.find('+');
    const auto part = base::parse_size(text.substr(0, plus));
    if (!part || part->raw() >= kAddressLimit) return std::nullopt;
    sum += *part;
    if (sum.raw() >= kAddressLimit) return std::nullopt;
    if (plus == std::string_view::npos) return sum;
    text.remove_prefix(plus + 1);
  }
}

Result<ByteCount, Diagnostic> parse_bytes(Cursor& line, const std::string& what) {
  const auto size = size_sum(line.peek());
  if (!size) return fail(line.expected(what));
  line.next();
  return *size;
}

Result<std::uint64_t, Diagnostic> parse_number(Cursor& line, const std::string& what, std::uint64_t limit) {
  const std::string_view text = line.peek();
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || n > limit)
    return fail(line.expected(what));
  line.next();
  return n;
}

Result<Order, Diagnostic> parse_order(Cursor& line) {
  const auto size = base::parse_size(line.peek());
  if (!size || !std::has_single_bit(size->raw()) || *size < kOrder0.bytes() ||
      *size > Order(kMaxOrder).bytes())
    return fail(line.expected("the size of a folio (4K, 64K, 2M)"));
  line.next();
  return Order(static_cast<unsigned>(std::bit_width(size->raw() / kPageSize) - 1));
}

Result<std::string, Diagnostic> parse_name(Cursor& line, const std::string& what) {
  if (!is_name(line.peek())) return fail(line.expected(what));
  return std::string(line.next());
}

Result<Place, Diagnostic> parse_place(Cursor& line) {
  auto place = place_of(line.peek());
  if (!place) return fail(line.expected(kPlaceForm));
  place->where = line.where();
  line.next();
  return *place;
}

Result<Range, Diagnostic> parse_range(Cursor& line) {
  const std::string_view text = line.peek();
  const std::size_t dots = text.find("..");
  const std::string_view head = text.substr(0, dots);
  const auto place = place_of(head);
  if (!place) return fail(line.expected("a range (A, A+20K, A+20K..+64K, A+20K..end)"));
  Range range{*place, Range::Extent::kPage, {}};
  range.begin.where = line.where();
  const bool named = !place->name.empty();
  if (dots == std::string_view::npos) {
    if (named && head.find('+') == std::string_view::npos) range.extent = Range::Extent::kWhole;
  } else if (const std::string_view tail = text.substr(dots + 2); tail == "end" && named) {
    range.extent = Range::Extent::kToEnd;
  } else {
    const auto length = tail.starts_with('+') ? size_sum(tail.substr(1)) : std::nullopt;
    if (!length) return fail(line.expected("`..+SIZE` or `..end` behind the place"));
    range.extent = Range::Extent::kLength;
    range.length = *length;
  }
  line.next();
  return range;
}

Result<Location, Diagnostic> parse_location(Cursor& line) {
  Location location;
  if (line.take("at")) {
    location.kind = Location::Kind::kPlace;
    location.place = QUIRE_TRY(parse_place(line));
  } else if (line.take("align")) {
    const std::string_view word = line.peek();
    const std::size_t plus = word.find('+');
    const auto align = base::parse_size(word.substr(0, plus));
    const auto behind =
        plus == std::string_view::npos ? std::optional(ByteCount()) : size_sum(word.substr(plus + 1));
    if (!align || !std::has_single_bit(align->raw()) || align->raw() % kPageSize != 0 ||
        *align > kMaxMapping || !behind || behind->raw() % kPageSize != 0 || *behind > kMaxMapping)
      return fail(line.expected("an alignment in pages (2M, 2M+4K)"));
    location.align = *align;
    location.behind = *behind;
    line.next();
  }
  return location;
}

}  // namespace quire::litmus
