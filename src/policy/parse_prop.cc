#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "policy/attributes.h"
#include "policy/parse.h"

namespace quire::policy {
namespace {

// Any settings the files can hold.
Settings any_settings() {
  Settings s;
  s.enabled = *rc::gen::element(GlobalEnabled::always, GlobalEnabled::madvise, GlobalEnabled::never);
  s.defrag =
      *rc::gen::element(Defrag::always, Defrag::defer, Defrag::defer_madvise, Defrag::madvise, Defrag::never);
  s.use_zero_page = *rc::gen::arbitrary<bool>();
  s.shrink_underused = *rc::gen::arbitrary<bool>();
  s.anon_beside_full = *rc::gen::arbitrary<bool>();
  for (unsigned order = 2; order <= kPmdOrder; ++order)
    s.at(Order(order)) = *rc::gen::element(SizeEnabled::always, SizeEnabled::inherit, SizeEnabled::madvise,
                                           SizeEnabled::never);
  const auto number = [](std::uint32_t least, std::uint32_t past) { return *rc::gen::inRange(least, past); };
  s.khugepaged = {.defrag = *rc::gen::arbitrary<bool>(),
                  .pages_to_scan = number(1, 1U << 31),
                  .scan_sleep_millisecs = *rc::gen::arbitrary<std::uint32_t>(),
                  .alloc_sleep_millisecs = *rc::gen::arbitrary<std::uint32_t>(),
                  .max_ptes_none = number(0, 512),
                  .max_ptes_swap = number(0, 512),
                  .max_ptes_shared = number(0, 512)};
  return s;
}

// Whatever the settings, their canonical policy gives exactly them.
RC_GTEST_PROP(CanonicalProp, ReadsBack, ()) {
  const Settings settings = any_settings();
  const auto read = parse_policy(canonical(settings));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == settings);
}

// What a file shows is accepted when written back, and changes nothing. A
// choice is written without its brackets.
RC_GTEST_PROP(AttributesProp, ShownValueWritesBack, ()) {
  const Settings settings = any_settings();
  for (const Attribute& a : attributes()) {
    std::string text = a.show(settings, a.order);
    if (const std::size_t open = text.find('['); open != std::string::npos)
      text = text.substr(open + 1, text.find(']') - open - 1) + "\n";
    Settings written = settings;
    RC_ASSERT(a.store(written, a.order, text).has_value());
    RC_ASSERT(written == settings);
  }
}

// No text of any kind crashes the parser, and what it accepts has a
// canonical form that means the same.
RC_GTEST_PROP(ParsePolicyProp, AnyTextIsAcceptedOrRefused, ()) {
  static const std::vector<std::string> kPieces{"thp_anon=",
                                                "transparent_hugepage=",
                                                "64K",
                                                "2M",
                                                "-",
                                                ":",
                                                ",",
                                                ";",
                                                " ",
                                                "=",
                                                "always",
                                                "never",
                                                "inherit",
                                                "madvise",
                                                "defrag=",
                                                "enabled",
                                                "hugepages-64kB/",
                                                "+",
                                                "all",
                                                std::string(1, '\0'),
                                                "\xff"};
  std::string text;
  for (const std::string& piece : *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kPieces)))
    text += piece;
  const auto first = parse_policy(text);
  if (!first) {
    RC_ASSERT(!first.error().what.empty());
    return;
  }
  const auto second = parse_policy(canonical(*first));
  RC_ASSERT(second.has_value());
  RC_ASSERT(*second == *first);
}

}  // namespace
}  // namespace quire::policy
