#include <fmt/format.h>

#include <array>

#include "base/size.h"
#include "litmus/parse_lines.h"
#include "litmus/parse_places.h"
#include "litmus/words.h"
#include "policy/attributes.h"
#include "policy/near_miss.h"

namespace quire::litmus {
namespace {

using Parsed = Result<Action, Diagnostic>;

Result<int, Diagnostic> parse_word(Cursor& line, std::span<const NumberedWord> list,
                                   const std::string& what) {
  const auto number = number_of(list, line.peek());
  if (!number) return fail(line.expected(fmt::format("{}: {}", what, list_of(list))));
  line.next();
  return *number;
}

Result<int, Diagnostic> parse_prot(Cursor& line) {
  const auto prot = prot_of(line.peek());
  if (!prot) return fail(line.expected("a protection: letters of rwx, or none"));
  line.next();
  return *prot;
}

Result<std::uint8_t, Diagnostic> parse_value(Cursor& line) {
  return static_cast<std::uint8_t>(QUIRE_TRY(parse_number(line, "a byte, 0 to 255", 255)));
}

// Whole pages, not too many.
Result<ByteCount, Diagnostic> parse_mapping_size(Cursor& line) {
  const Where where = line.where();
  const ByteCount size = QUIRE_TRY(parse_bytes(line, "the size of the mapping (64K, 2M)"));
  if (size.raw() == 0 || size.raw() % kPageSize != 0 || size > kMaxMapping)
    return fail(line.wrong(where, "the size is not one of whole pages, expected 4K to 1G"));
  return size;
}

Parsed map(Cursor& line) {
  Map m;
  m.name = QUIRE_TRY(parse_name(line, "a name for the mapping"));
  m.size = QUIRE_TRY(parse_mapping_size(line));
  m.location = QUIRE_TRY(parse_location(line));
  while (!line.done() && line.peek() != "->") {
    if (line.take("prot")) {
      m.prot = QUIRE_TRY(parse_prot(line));
    } else if (line.take("shared")) {
      m.shared = true;
    } else if (line.take("populate")) {
      m.populate = true;
    } else if (line.take("growsdown")) {
      m.growsdown = true;
    } else {
      return fail(line.expected("prot, shared, populate, growsdown or `->`"));
    }
  }
  return m;
}

Parsed space(Cursor& line) {
  Space s;
  s.name = QUIRE_TRY(parse_name(line, "a name for the addresses"));
  s.size = QUIRE_TRY(parse_mapping_size(line));
  s.location = QUIRE_TRY(parse_location(line));
  return s;
}

Result<Fill, Diagnostic> parse_fill(Cursor& line, Fill::Kind kind) {
  if (kind == Fill::Kind::kZeroes) return Fill{kind, 0};
  const auto seed = QUIRE_TRY(parse_number(line, "a number that tells contents apart", 1U << 30));
  return Fill{kind, static_cast<std::uint32_t>(seed)};
}

Parsed access(Cursor& line, Access::Kind kind) {
  Access a;
  a.kind = kind;
  a.range = QUIRE_TRY(parse_range(line));
  if (line.take("every")) {
    const Where where = line.where();
    a.every = QUIRE_TRY(parse_bytes(line, "the distance of two accesses"));
    if (a.every.raw() == 0) return fail(line.wrong(where, "a distance of nothing, expected 1 or more"));
  }
  if (!line.take("=")) return a;
  if (const auto pattern = number_of(fill_words(), line.peek())) {
    line.next();
    a.fill = QUIRE_TRY(parse_fill(line, static_cast<Fill::Kind>(*pattern)));
  } else {
    a.value = QUIRE_TRY(parse_value(line));
  }
  return a;
}
Parsed read(Cursor& line) { return access(line, Access::Kind::kRead); }
Parsed write(Cursor& line) { return access(line, Access::Kind::kWrite); }

Parsed advise(Cursor& line) {
  Advise a;
  a.advice = QUIRE_TRY(parse_word(line, advice_words(), "advice"));
  a.range = QUIRE_TRY(parse_range(line));
  return a;
}

Parsed protect(Cursor& line) {
  Protect p;
  p.range = QUIRE_TRY(parse_range(line));
  p.prot = QUIRE_TRY(parse_prot(line));
  return p;
}

Parsed move(Cursor& line) {
  Move m;
  m.range = QUIRE_TRY(parse_range(line));
  if (!line.take("to")) return fail(line.expected("`to` and a place"));
  m.to = QUIRE_TRY(parse_place(line));
  if (line.take("size")) m.size = QUIRE_TRY(parse_bytes(line, "the new size"));
  m.dontunmap = line.take("dontunmap");
  return m;
}

Parsed resize(Cursor& line) {
  Resize r;
  r.range = QUIRE_TRY(parse_range(line));
  if (!line.take("to")) return fail(line.expected("`to` and a size"));
  r.size = QUIRE_TRY(parse_bytes(line, "the new size"));
  return r;
}

template <typename OfRange>
Parsed ranged(Cursor& line) {
  return OfRange{QUIRE_TRY(parse_range(line))};
}

Parsed pin(Cursor& line) {
  Pin p{QUIRE_TRY(parse_range(line))};
  p.to_read = line.take("read");
  return p;
}

// What a program calls itself or a mapping: any word.
Result<std::string, Diagnostic> parse_label(Cursor& line) {
  if (line.done() || line.peek() == "->") return fail(line.expected("a name"));
  return std::string(line.next());
}

Parsed fork(Cursor& line) { return Fork{QUIRE_TRY(parse_name(line, "a name for the child"))}; }
Parsed exit(Cursor& /*line*/) { return Exit{}; }
Parsed exec(Cursor& /*line*/) { return Exec{}; }

Parsed prctl(Cursor& line) {
  if (line.take("name")) return NameProcess{QUIRE_TRY(parse_label(line))};
  if (line.take("vma_name")) {
    const Range range = QUIRE_TRY(parse_range(line));
    return NameMapping{range, QUIRE_TRY(parse_label(line))};
  }
  if (!line.take("thp_disable")) return fail(line.expected("thp_disable, name or vma_name"));
  return Prctl{static_cast<Prctl::ThpDisable>(QUIRE_TRY(parse_word(line, prctl_words(), "a mode")))};
}

Parsed limit(Cursor& line) { return Limit{QUIRE_TRY(parse_limit(line))}; }
Parsed set(Cursor& line) { return QUIRE_TRY(parse_set(line)); }

Parsed uffd(Cursor& line) {
  Uffd u;
  u.op = static_cast<Uffd::Op>(QUIRE_TRY(parse_word(line, uffd_words(), "what to do with userfaultfd")));
  u.range = QUIRE_TRY(parse_range(line));
  if (line.take("=")) u.value = QUIRE_TRY(parse_value(line));
  return u;
}

// The number of a device; without one, the first.
template <typename OfDevice>
Parsed of_device(Cursor& line) {
  if (line.done() || line.peek() == "->") return OfDevice{};
  return OfDevice{static_cast<unsigned>(
      QUIRE_TRY(parse_number(line, "the number of a swap line, counted from 0", kMaxSwapDevices - 1)))};
}

Parsed khugepaged(Cursor& line) {
  return Khugepaged{static_cast<unsigned>(QUIRE_TRY(parse_number(line, "a number of rounds", 1000)))};
}

Parsed split(Cursor& line) {
  Split s;
  s.range = QUIRE_TRY(parse_range(line));
  if (!line.take("to")) return fail(line.expected("`to` and the size of a folio"));
  s.order = QUIRE_TRY(parse_order(line));
  return s;
}

// The sizes of `16K,64K`.
Result<OrderSet, Diagnostic> parse_sizes(Cursor& line) {
  OrderSet sizes;
  do {
    const Where where = line.where();
    const Order order = QUIRE_TRY(parse_order(line));
    if (!kAnonOrders.contains(order))
      return fail(line.wrong(
          where, fmt::format("no size of anonymous memory, expected {} to {}",
                             base::short_size(Order(2).bytes()), base::short_size(kOrderPmd.bytes()))));
    sizes = sizes | OrderSet::of(order);
  } while (line.take(","));
  return sizes;
}

Parsed sizes(Cursor& line) {
  Sizes s{QUIRE_TRY(parse_range(line)), std::nullopt};
  if (!line.take("any")) s.orders = QUIRE_TRY(parse_sizes(line));
  return s;
}

struct Verb {
  std::string_view word;
  Parsed (*parse)(Cursor&);
};
constexpr std::array kVerbs{Verb{"map", map},
                            Verb{"space", space},
                            Verb{"read", read},
                            Verb{"write", write},
                            Verb{"advise", advise},
                            Verb{"protect", protect},
                            Verb{"unmap", ranged<Unmap>},
                            Verb{"move", move},
                            Verb{"resize", resize},
                            Verb{"lock", ranged<Lock>},
                            Verb{"unlock", ranged<Unlock>},
                            Verb{"fork", fork},
                            Verb{"exit", exit},
                            Verb{"exec", exec},
                            Verb{"prctl", prctl},
                            Verb{"sizes", sizes},
                            Verb{"set", set},
                            Verb{"limit", limit},
                            Verb{"uffd", uffd},
                            Verb{"swapoff", of_device<Swapoff>},
                            Verb{"swapon", of_device<Swapon>},
                            Verb{"pin", pin},
                            Verb{"unpin", ranged<Unpin>},
                            Verb{"khugepaged", khugepaged},
                            Verb{"split", split}};

Diagnostic unknown_verb(const Cursor& line) {
  std::vector<std::string> known;
  std::string list;
  for (const Verb& verb : kVerbs) {
    known.emplace_back(verb.word);
    list += (list.empty() ? "" : ", ") + known.back();
  }
  known.insert(known.end(), {"expect", "picture", "rule", "about"});
  Diagnostic what = line.expected("a verb: " + list);
  what.hint = policy::did_you_mean(line.peek(), known);
  return what;
}

// Says whether the file takes the value.
Result<void, Diagnostic> check_value(const Cursor& line, const Set& set, Where where) {
  const std::string path = set.sizes.empty()
                               ? set.file
                               : fmt::format("hugepages-{}/enabled", base::sysfs_size(set.sizes.highest()));
  const policy::Attribute* const attribute = policy::find_attribute(path);
  if (attribute == nullptr) {
    std::vector<std::string> known;
    for (const policy::Attribute& a : policy::attributes()) known.push_back(a.path);
    return fail(line.wrong(set.where,
                           "no settings file of this name, expected one of transparent_hugepage or sizes",
                           policy::did_you_mean(set.file, known)));
  }
  policy::Settings scratch;
  if (!attribute->store(scratch, attribute->order, set.value))
    return fail(
        line.wrong(where, fmt::format("{} does not take this, expected {}", path, attribute->accepts)));
  return {};
}

}  // namespace

Result<Set, Diagnostic> parse_set(Cursor& line) {
  Set s;
  s.where = line.where();
  if (const std::string_view word = line.peek();
      !word.empty() && word.front() >= '0' && word.front() <= '9') {
    s.sizes = QUIRE_TRY(parse_sizes(line));
  } else {
    s.file = line.next();
  }
  const Where where = line.where();
  s.value = line.next();
  QUIRE_TRY(check_value(line, s, where));
  return s;
}

Result<Action, Diagnostic> parse_action(Cursor& line) {
  for (const Verb& verb : kVerbs)
    if (line.take(verb.word)) return verb.parse(line);
  return fail(unknown_verb(line));
}

}  // namespace quire::litmus
