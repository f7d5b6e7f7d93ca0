#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "litmus/counter_names.h"
#include "litmus/parse_lines.h"
#include "litmus/parse_places.h"
#include "litmus/picture.h"
#include "litmus/words.h"

namespace quire::litmus {
namespace {

using Kind = Property::Kind;

// `p:A+4K` or `A+4K`.
Result<void, Diagnostic> parse_folio_of(Cursor& line, Property& property) {
  const std::string_view word = line.peek();
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) {
    property.place = QUIRE_TRY(parse_place(line));
    return {};
  }
  property.process = word.substr(0, colon);
  const Where where = line.where();
  Cursor behind({}, where.line, word.substr(colon + 1));
  const auto place = parse_place(behind);
  if (!is_name(property.process) || !place || !behind.done())
    return fail(line.expected("a place of a process (A+4K, p:A+4K)"));
  property.place = *place;
  property.place.where = where;
  line.next();
  return {};
}

Result<Property, Diagnostic> parse_property(Cursor& line) {
  Property p;
  if (const auto kind = number_of(property_words(), line.peek())) {
    line.next();
    p.kind = static_cast<Kind>(*kind);
  } else if (line.take("order")) {
    p.kind = Kind::kOrder;
    p.number = QUIRE_TRY(parse_order(line)).raw();
  } else if (line.take("mapcount")) {
    p.kind = Kind::kMapcount;
    p.number = QUIRE_TRY(parse_number(line, "how often each page is mapped", 1000));
  } else if (line.take("slot")) {
    p.kind = Kind::kSlot;
    p.number = QUIRE_TRY(parse_number(line, "the slot of the first page", 1ULL << 40));
  } else if (line.take("slots")) {
    p.kind = Kind::kSlotsTogether;
    if (!line.take("together")) return fail(line.expected("together"));
  } else if (line.take("same")) {
    p.kind = Kind::kSameFolio;
    if (!line.take("folio")) return fail(line.expected("folio"));
  } else if (line.take("own")) {
    p.kind = Kind::kOwnFolios;
    if (!line.take("folios")) return fail(line.expected("folios"));
  } else if (line.take("folio")) {
    p.kind = Kind::kFolioOf;
    QUIRE_TRY(parse_folio_of(line, p));
  } else if (line.take("not")) {
    p.kind = Kind::kNotFolioOf;
    if (!line.take("folio")) return fail(line.expected("folio"));
    QUIRE_TRY(parse_folio_of(line, p));
  } else {
    return fail(line.expected(
        "a property: " + list_of(property_words()) +
        ", order SIZE, mapcount N, slot N, slots together, same folio, own folios, folio PLACE, "
        "not folio PLACE"));
  }
  return p;
}

Result<Claim, Diagnostic> parse_pages(Cursor& line) {
  ExpectPages pages;
  pages.range = QUIRE_TRY(parse_range(line));
  do {
    pages.properties.push_back(QUIRE_TRY(parse_property(line)));
  } while (line.take(","));
  return pages;
}

// `+16`, `-1`, `+0`.
Result<std::int64_t, Diagnostic> parse_moved(Cursor& line) {
  const std::string_view text = line.peek();
  const char sign = text.empty() ? ' ' : text.front();
  std::int64_t n = 0;
  const char* const last = text.data() + text.size();
  if ((sign != '+' && sign != '-') || text.size() < 2 || text[1] == '-')
    return fail(line.expected("how far it moved, with a sign (+16, -1)"));
  const auto [end, error] = std::from_chars(text.data() + 1, last, n);
  if (error != std::errc{} || end != last || n > (1LL << 40))
    return fail(line.expected("how far it moved, with a sign (+16, -1)"));
  line.next();
  return sign == '-' ? -n : n;
}

// Whether there is such a counter of sizes, or of none.
bool is_counter(const ExpectCounter& counter) {
  const auto names = counter.size ? size_counters() : event_counters();
  return std::ranges::find(names, counter.name) != names.end();
}

Result<Claim, Diagnostic> parse_counter(Cursor& line) {
  ExpectCounter counter;
  const std::string_view word = line.peek();
  const std::size_t slash = word.find('/');
  const std::string expected = "a counter (64K/anon_fault_alloc, thp_split_pmd)";
  if (slash != std::string_view::npos) {
    Cursor size({}, 0, word.substr(0, slash));
    const auto order = parse_order(size);
    if (!order) return fail(line.expected(expected));
    counter.size = *order;
  }
  counter.name = slash == std::string_view::npos ? word : word.substr(slash + 1);
  if (!is_counter(counter)) return fail(line.expected(expected));
  line.next();
  counter.moved = QUIRE_TRY(parse_moved(line));
  return counter;
}

Result<Claim, Diagnostic> parse_faults(Cursor& line, ExpectFaults::Kind kind) {
  return ExpectFaults{QUIRE_TRY(parse_number(line, "a number of faults", 1U << 30)), kind};
}

Result<Claim, Diagnostic> parse_picture(Cursor& line) {
  ExpectPicture picture;
  picture.begin = QUIRE_TRY(parse_place(line));
  const Where where = line.where();
  const auto signs = expand_picture(line.rest());
  if (!signs || signs->empty())
    return fail(line.wrong(
        where, "this is no picture, expected one sign a page: . z Z 0 ~ ! a-y A-Y, and a*16 for runs"));
  picture.signs = *signs;
  return picture;
}

}  // namespace

bool is_expectation_word(std::string_view word) { return word == "expect" || word == "picture"; }

Result<Claim, Diagnostic> parse_claim(Cursor& line) {
  if (line.take("picture")) return parse_picture(line);
  line.next();
  if (line.take("counter")) return parse_counter(line);
  if (line.take("major")) {
    if (!line.take("faults")) return fail(line.expected("`faults` behind `major`"));
    return parse_faults(line, ExpectFaults::Kind::kMajor);
  }
  if (line.take("killed")) return ExpectKilled{};
  if (line.take("faults")) return parse_faults(line, ExpectFaults::Kind::kMinor);
  if (line.take("no")) {
    if (line.take("other") && line.take("counters")) return ExpectNoOtherCounters{};
    return fail(line.expected("`other counters` behind `no`"));
  }
  return parse_pages(line);
}

}  // namespace quire::litmus
