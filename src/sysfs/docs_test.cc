// The reference pages say what the code says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "policy/parse.h"
#include "policy/policy.h"
#include "stats/counters.h"
#include "sysfs/thp_tree.h"

namespace quire::sysfs {
namespace {

std::string page(const char* name) {
  std::ifstream in(fmt::format("{}/docs/reference/{}", QUIRE_SOURCE_DIR, name));
  return {std::istreambuf_iterator<char>(in), {}};
}

void expect_row(const std::string& text, const std::string& row) {
  EXPECT_NE(text.find(row), std::string::npos) << "no row: " << row;
}

// Each settings file has a row with its values and its meaning. The eight
// files of single sizes share one.
TEST(ReferencePages, EverySettingsFile) {
  const std::string text = page("sysfs.md");
  for (const policy::Attribute& a : policy::attributes()) {
    const std::string path = a.order == kOrder0 ? a.path : "hugepages-<size>kB/enabled";
    expect_row(text, fmt::format("| `{}` | {} | ", path, a.accepts));
    expect_row(text, fmt::format(" | {} |\n", a.meaning));
  }
}

// Each file that is missing is admitted, with the reason.
TEST(ReferencePages, EveryFileNotModelled) {
  const std::string text = page("sysfs.md");
  for (const NotModelled& n : not_modelled()) expect_row(text, fmt::format("| `{}` | {} |\n", n.path, n.why));
}

// Each counter has a row with the sentence the program prints.
TEST(ReferencePages, EveryCounter) {
  const std::string text = page("counters.md");
  const auto expect = [&](auto counter) {
    expect_row(text, fmt::format("| `{}` | {} |\n", stats::name(counter), stats::meaning(counter)));
  };
  for (std::size_t i = 0; i < stats::kVmEvents; ++i) expect(static_cast<stats::VmEvent>(i));
  for (std::size_t i = 0; i < stats::kMthpStats; ++i) expect(static_cast<stats::MthpStat>(i));
}

// Each policy in the examples at the head of the page is one.
TEST(ReferencePages, ExamplePoliciesAreAccepted) {
  const std::string text = page("policies.md");
  const std::string option = "    --policy ";
  std::size_t examples = 0;
  for (std::size_t at = text.find(option); at != std::string::npos; at = text.find(option, at + 1)) {
    std::string policy = text.substr(at + option.size(), text.find('\n', at) - at - option.size());
    std::erase(policy, '\'');
    EXPECT_TRUE(policy::parse_policy(policy).has_value()) << policy;
    ++examples;
  }
  EXPECT_GE(examples, 4U);
}

// Each named policy has a row with the sentence it says of itself, and each
// file that only some have one with its values and its meaning.
TEST(ReferencePages, EveryNamedPolicy) {
  const std::string text = page("policies.md");
  for (const policy::Policy* p : policy::named_policies())
    expect_row(text, fmt::format("| `{}` | {} | {} |\n", p->name, p->systems, p->about));
  for (const policy::Attribute& a : policy::extra_attributes()) {
    expect_row(text, fmt::format("| `{}` | {} | ", a.path, a.accepts));
    expect_row(text, fmt::format(" | {} |\n", a.meaning));
  }
}

// The page names the sizes and every mode.
TEST(ReferencePages, PolicyWords) {
  const std::string text = page("policies.md");
  expect_row(text, policy::accepted_sizes());
  for (const char* word :
       {"`linux-6.18`", "`never`, `4K`", "`all`", "`transparent_hugepage=`", "`thp_anon=`"})
    expect_row(text, word);
  for (const std::string_view mode : policy::words(policy::SizeEnabled{}))
    expect_row(text, fmt::format("| `{}` |", mode));
}

}  // namespace
}  // namespace quire::sysfs
