// The decision table of each named policy, in the words of those who proposed
// it: S a single page, LAF a large folio mapped by page-table entries, THP one
// mapped by a PMD, > what it falls back to. Columns: the global file.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "policy/named/named.h"
#include "policy/parse.h"

namespace quire::policy {
namespace {

// The table of a policy in `words`, printed and with single spaces, so that
// tables can be written here with any.
std::string table(std::string_view words, ShowOrders show = in_terms) {
  const auto settings = parse_policy(words);
  if (!settings) return settings.error().line();
  const std::string text = decision_table(*settings, show);
  fmt::print("{}\n{}\n", words, text);
  return text;
}

std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' || (!out.empty() && out.back() != ' ' && out.back() != '\n')) out += c;
  return out;
}

void expect_table(std::string_view words, std::string_view expected, ShowOrders show = in_terms) {
  EXPECT_EQ(squeezed(table(words, show)), squeezed(expected)) << words;
}

// System 4, the situation before the proposals, and Linux 6.18 as it boots:
// 2 MiB where the file or the hint says so.
constexpr std::string_view kToday = R"(                     | never | madvise | always
no hint              | S     | S       | THP>S
HUGEPAGE             | S     | THP>S   | THP>S
NOHUGEPAGE           | S     | S       | S
prctl                | S     | S       | S
prctl, HUGEPAGE      | S     | S       | S
prctl except advised | S     | S       | S
the same, HUGEPAGE   | S     | THP>S   | THP>S
)";
TEST(DecisionTable, Linux618AsItBoots) { expect_table("linux-6.18", kToday); }

// The same table held in 2011, when nothing else existed.
TEST(DecisionTable, Thp2011) { expect_table("thp-2011", kToday); }

// System 5: the table of the conclusions of August 2023.
TEST(DecisionTable, LafV4) {
  expect_table("laf-v4", R"( | never | madvise | always
no hint              | S     | LAF>S       | THP>LAF>S
HUGEPAGE             | S     | THP>LAF>S   | THP>LAF>S
NOHUGEPAGE           | S     | S           | S
prctl                | S     | S           | S
prctl, HUGEPAGE      | S     | S           | S
prctl except advised | S     | S           | S
the same, HUGEPAGE   | S     | THP>LAF>S   | THP>LAF>S
)");
}

// System 6a: version 3 asks none of the three for large folios.
TEST(DecisionTable, LafV3) {
  expect_table("laf-v3", R"( | never | madvise | always
no hint              | LAF>S | LAF>S       | THP>LAF>S
HUGEPAGE             | LAF>S | THP>LAF>S   | THP>LAF>S
NOHUGEPAGE           | LAF>S | LAF>S       | LAF>S
prctl                | LAF>S | LAF>S       | LAF>S
prctl, HUGEPAGE      | LAF>S | LAF>S       | LAF>S
prctl except advised | LAF>S | LAF>S       | LAF>S
the same, HUGEPAGE   | LAF>S | THP>LAF>S   | THP>LAF>S
)");
}

// System 6b: prctl and the hint trump; the file's never means 2 MiB only.
TEST(DecisionTable, LafYu) {
  expect_table("laf-yu", R"( | never | madvise | always
no hint              | LAF>S | LAF>S       | THP>LAF>S
HUGEPAGE             | LAF>S | THP>LAF>S   | THP>LAF>S
NOHUGEPAGE           | S     | S           | S
prctl                | S     | S           | S
prctl, HUGEPAGE      | S     | S           | S
prctl except advised | S     | S           | S
the same, HUGEPAGE   | LAF>S | THP>LAF>S   | THP>LAF>S
)");
}

// System 6c: no hint and madvise gives single pages.
TEST(DecisionTable, LafYin) {
  expect_table("laf-yin", R"( | never | madvise | always
no hint              | S     | S           | THP>LAF>S
HUGEPAGE             | S     | THP>LAF>S   | THP>LAF>S
NOHUGEPAGE           | S     | S           | S
prctl                | S     | S           | S
prctl, HUGEPAGE      | S     | S           | S
prctl except advised | S     | S           | S
the same, HUGEPAGE   | S     | THP>LAF>S   | THP>LAF>S
)");
}

// System 6d: three tables, one for each word of laf_enable. With `never` it
// is today's.
TEST(DecisionTable, LafTwoKnobs) {
  expect_table("laf-two-knobs laf_enable=never", kToday);
  expect_table("laf-two-knobs laf_enable=madvise", R"( | never | madvise | always
no hint              | S     | S           | THP>S
HUGEPAGE             | LAF>S | THP>LAF>S   | THP>LAF>S
NOHUGEPAGE           | S     | S           | S
prctl                | S     | S           | S
prctl, HUGEPAGE      | S     | S           | S
prctl except advised | S     | S           | S
the same, HUGEPAGE   | LAF>S | THP>LAF>S   | THP>LAF>S
)");
  expect_table("laf-two-knobs laf_enable=always", R"( | never | madvise | always
no hint              | LAF>S | LAF>S       | THP>LAF>S
HUGEPAGE             | LAF>S | THP>LAF>S   | THP>LAF>S
NOHUGEPAGE           | S     | S           | S
prctl                | S     | S           | S
prctl, HUGEPAGE      | S     | S           | S
prctl except advised | S     | S           | S
the same, HUGEPAGE   | LAF>S | THP>LAF>S   | THP>LAF>S
)");
}

// System 7, the size rule: what the architecture prefers, at least order 3;
// at most 64 KiB where 2 MiB is not allowed; order 3 before 4 KiB.
TEST(DecisionTable, SizesOfLafV4) {
  expect_table("laf-v4", R"( | never | madvise | always
no hint              | 4K | 32K>4K      | 2M>32K>4K
HUGEPAGE             | 4K | 2M>32K>4K   | 2M>32K>4K
NOHUGEPAGE           | 4K | 4K          | 4K
prctl                | 4K | 4K          | 4K
prctl, HUGEPAGE      | 4K | 4K          | 4K
prctl except advised | 4K | 4K          | 4K
the same, HUGEPAGE   | 4K | 2M>32K>4K   | 2M>32K>4K
)",
               in_sizes);
  expect_table("laf-v4 laf_arch_wants_pte_order=6", R"( | never | madvise | always
no hint              | 4K | 64K>32K>4K     | 2M>256K>32K>4K
HUGEPAGE             | 4K | 2M>256K>32K>4K | 2M>256K>32K>4K
NOHUGEPAGE           | 4K | 4K             | 4K
prctl                | 4K | 4K             | 4K
prctl, HUGEPAGE      | 4K | 4K             | 4K
prctl except advised | 4K | 4K             | 4K
the same, HUGEPAGE   | 4K | 2M>256K>32K>4K | 2M>256K>32K>4K
)",
               in_sizes);
}

// laf_max_order is the size, with order 3 below it; smaller than that it
// stands alone.
TEST(DecisionTable, SizesOfTwoKnobs) {
  EXPECT_NE(table("laf-two-knobs", in_sizes).find("64K>32K>4K"), std::string::npos);
  EXPECT_NE(table("laf-two-knobs laf_max_order=8", in_sizes).find("1M>32K>4K"), std::string::npos);
  EXPECT_NE(table("laf-two-knobs laf_max_order=2", in_sizes).find("| 16K>4K"), std::string::npos);
}

// System 20: 64 KiB or 4 KiB, and only where a mapping is marked.
TEST(DecisionTable, Oppo64K) {
  expect_table("oppo-64k", R"( | never | madvise | always
no hint              | 4K | 4K     | 4K
HUGEPAGE             | 4K | 64K>4K | 64K>4K
NOHUGEPAGE           | 4K | 4K     | 4K
prctl                | 4K | 4K     | 4K
prctl, HUGEPAGE      | 4K | 4K     | 4K
prctl except advised | 4K | 4K     | 4K
the same, HUGEPAGE   | 4K | 64K>4K | 64K>4K
)",
               in_sizes);
  const Settings s = settings_of(kOppo64K);
  const auto orders = [&](VmaHints hints) {
    return allowed_anon_orders(s, masks_of(s), ProcessThp::kDefault, hints, Caller::pagefault);
  };
  EXPECT_EQ(orders({.marked = true}), OrderSet::of(Order(4)));
  EXPECT_TRUE(orders({.nohugepage = true, .marked = true}).empty());
  EXPECT_TRUE(kOppo64K.marks_name("libc_malloc"));
  EXPECT_FALSE(kOppo64K.marks_name("libc_malloc2"));
}

// System 19: a set of sizes is the whole choice of a mapping, and counts as
// advice; what the files switch off stays off.
TEST(DecisionTable, SizeSet) {
  const auto s = parse_policy("size-set thp_anon=16K:always;64K,128K:madvise");
  ASSERT_TRUE(s.has_value());
  const auto orders = [&](VmaHints hints) {
    return in_sizes(allowed_anon_orders(*s, masks_of(*s), ProcessThp::kDefault, hints, Caller::pagefault));
  };
  const OrderSet set = OrderSet::of(Order(4)) | OrderSet::of(Order(9));
  EXPECT_EQ(orders({}), "16K>4K");
  EXPECT_EQ(orders({.sized = true, .sizes = set}), "64K>4K");
  EXPECT_EQ(orders({.sized = true, .sizes = OrderSet()}), "4K");
  EXPECT_EQ(orders({.nohugepage = true, .sized = true, .sizes = set}), "4K");
  EXPECT_EQ(orders({.sized = true, .sizes = kAnonOrders}), "128K>64K>16K>4K");
}

// Policies that decide something else decide about sizes as Linux 6.18 does.
TEST(DecisionTable, OthersAreAsLinux618) {
  for (const char* name : {"size-set", "zero-64k", "zero-expand", "cow-large", "pmd-cow", "collapse-mthp",
                           "khugepaged-directed"})
    expect_table(name, kToday);
}

// khugepaged and MADV_COLLAPSE know 2 MiB only under the proposals of 2023,
// and follow the file and the hint there whatever faults may use.
TEST(NamedPolicies, CollapseFollowsTheHint) {
  for (const Policy* policy : {&kLafV3, &kLafV4, &kLafYu, &kLafYin, &kLafTwoKnobs}) {
    const Settings s = settings_of(*policy);
    const auto orders = [&](VmaHints hints, Caller caller) {
      return allowed_anon_orders(s, masks_of(s), ProcessThp::kDefault, hints, caller);
    };
    EXPECT_TRUE(orders({}, Caller::khugepaged).empty()) << policy->name;
    EXPECT_EQ(orders({.hugepage = true}, Caller::khugepaged), OrderSet::of(kOrderPmd)) << policy->name;
    EXPECT_EQ(orders({}, Caller::forced_collapse), OrderSet::of(kOrderPmd)) << policy->name;
    EXPECT_TRUE(orders({.nohugepage = true}, Caller::forced_collapse).empty()) << policy->name;
  }
  const Settings s = settings_of(kOppo64K);
  EXPECT_TRUE(
      allowed_anon_orders(s, masks_of(s), ProcessThp::kDefault, {.hugepage = true}, Caller::khugepaged)
          .empty());
}

// Whether a 2 MiB mapping is copied whole: by the file, by advice, and only
// where 2 MiB is allowed at all.
TEST(NamedPolicies, PmdCowAsksFileAndAdvice) {
  const auto copies = [](std::string_view words, VmaHints hints) {
    const auto s = parse_policy(words);
    EXPECT_TRUE(s.has_value()) << words;
    return s->policy->copies_pmd({*s, masks_of(*s), ProcessThp::kDefault, hints, Caller::pagefault});
  };
  EXPECT_FALSE(copies("pmd-cow", {.hugepage = true}));
  EXPECT_TRUE(copies("pmd-cow", {.hugepage = true, .cow = true}));
  EXPECT_FALSE(copies("pmd-cow", {.cow = true}));
  EXPECT_TRUE(copies("pmd-cow transparent_hugepage=always thp_cow=always", {}));
  EXPECT_FALSE(copies("pmd-cow thp_cow=never", {.hugepage = true, .cow = true}));
  EXPECT_TRUE(copies("thp-2011", {.hugepage = true}));
  EXPECT_FALSE(copies("thp-2011", {}));
}

// Every policy has a name of its own, says what it is in one sentence, reads
// back, and is found by its name.
TEST(NamedPolicies, AreWellFormed) {
  std::set<std::string_view> names;
  for (const Policy* policy : named_policies()) {
    EXPECT_TRUE(names.insert(policy->name).second) << policy->name;
    EXPECT_EQ(policy->about.back(), '.') << policy->name;
    EXPECT_FALSE(policy->systems.empty()) << policy->name;
    EXPECT_EQ(find_policy(policy->name), policy);
    EXPECT_EQ(canonical(settings_of(*policy)), policy->name);
    const auto read = parse_policy(policy->name);
    ASSERT_TRUE(read.has_value()) << policy->name;
    EXPECT_EQ(*read, settings_of(*policy)) << policy->name;
  }
  EXPECT_EQ(named_policies().front(), &kLinux618);
  EXPECT_EQ(find_policy("laf-v5"), nullptr);
}

// Words after a name change its settings; what they say is read back.
TEST(NamedPolicies, TakeWordsBesides) {
  for (const char* words :
       {"laf-v4 transparent_hugepage=always laf_arch_wants_pte_order=4", "pmd-cow thp_cow=always",
        "laf-two-knobs laf_enable=madvise laf_max_order=5", "cow-large thp_anon=64K:always defrag=never"}) {
    const auto read = parse_policy(words);
    ASSERT_TRUE(read.has_value()) << words << ": " << read.error().line();
    const auto again = parse_policy(canonical(*read));
    ASSERT_TRUE(again.has_value()) << canonical(*read);
    EXPECT_EQ(*again, *read) << words;
  }
}

// A file belongs to the policies that look at it.
TEST(NamedPolicies, RefuseWordsOfOthers) {
  const auto refusal = [](std::string_view words) {
    const auto read = parse_policy(words);
    return read ? std::string("accepted") : read.error().line();
  };
  EXPECT_NE(refusal("laf-v4 thp_anon=64K:always").find("sizes of its own"), std::string::npos);
  EXPECT_NE(refusal("oppo-64k hugepages-64kB/enabled=always").find("sizes of its own"), std::string::npos);
  EXPECT_NE(refusal("thp_cow=always").find("thp_cow is a file of pmd-cow only"), std::string::npos);
  EXPECT_NE(refusal("laf-v5").find("did you mean laf-v3?"), std::string::npos);
}

}  // namespace
}  // namespace quire::policy
