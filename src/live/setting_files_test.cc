#include "live/setting_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/rng.h"
#include "base/size.h"
#include "live/fake_tree.h"
#include "policy/policy.h"

namespace quire::live {
namespace {

using policy::GlobalEnabled;
using policy::Settings;
using policy::SizeEnabled;
using testing::FakeTree;

std::string value_of(const std::vector<SettingValue>& values, const std::string& path) {
  const auto it = std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.path == path; });
  return it == values.end() ? "(absent)" : it->value;
}

// Every field of the settings reaches its file in the kernel's words.
TEST(SettingFiles, SpeaksTheKernelsWords) {
  const FakeTree tree;
  Settings settings;
  settings.enabled = GlobalEnabled::never;
  settings.defrag = policy::Defrag::defer_madvise;
  settings.use_zero_page = false;
  settings.at(Order(4)) = SizeEnabled::always;
  const auto values = setting_values(settings, tree.root());
  ASSERT_TRUE(values) << values.error().line();
  EXPECT_EQ(value_of(*values, "enabled"), "never");
  EXPECT_EQ(value_of(*values, "defrag"), "defer+madvise");
  EXPECT_EQ(value_of(*values, "use_zero_page"), "0");
  EXPECT_EQ(value_of(*values, "hugepages-64kB/enabled"), "always");
  EXPECT_EQ(value_of(*values, "hugepages-2048kB/enabled"), "inherit");
  EXPECT_EQ(value_of(*values, "khugepaged/scan_sleep_millisecs"), "4000000000");
}

// A named policy is one of the engine: there is nothing to write.
TEST(SettingFiles, RefusesAPolicyThatNoKernelHas) {
  const FakeTree tree;
  const auto values = setting_values(policy::settings_of(*policy::find_policy("laf-v4")), tree.root());
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().line(),
            "laf-v4: a policy of Quire's engine only: no running kernel has it; replay it instead");
}

// khugepaged is asleep before anything is allowed.
TEST(SettingFiles, KhugepagedComesFirst) {
  const FakeTree tree;
  const auto values = setting_values(Settings{}, tree.root());
  ASSERT_TRUE(values);
  EXPECT_EQ(values->front().path, "khugepaged/scan_sleep_millisecs");
}

// A size this kernel lacks is refused by name, unless it is wanted off.
TEST(SettingFiles, RefusesASizeThatTheKernelLacks) {
  const FakeTree tree;
  std::filesystem::remove_all(tree.root() / "hugepages-64kB");
  EXPECT_TRUE(setting_values(Settings{}, tree.root()));
  Settings settings;
  settings.at(Order(4)) = SizeEnabled::madvise;
  const auto values = setting_values(settings, tree.root());
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().kind, Diagnostic::Kind::kPrivilege);
  EXPECT_NE(values.error().what.find("64kB"), std::string::npos);
}

// Where the file is it has the flag's value: 1 before any size changes, 0 behind all.
TEST(SettingFiles, BesideFullNeverLetsGoTooEarly) {
  const FakeTree tree;
  tree.set("anon_beside_full", "0\n");
  const auto place_of = [&](bool beside_full) {
    Settings settings;
    settings.anon_beside_full = beside_full;
    const auto values = setting_values(settings, tree.root()).value();
    const auto it = std::ranges::find(values, "anon_beside_full", &SettingValue::path);
    EXPECT_TRUE(it != values.end() && it->value == (beside_full ? "1" : "0"));
    return std::pair(it - values.begin(), values);
  };
  const auto [on, with_it] = place_of(true);
  const auto is_size = [](const SettingValue& v) { return v.path.starts_with("hugepages-"); };
  EXPECT_TRUE(std::none_of(with_it.begin(), with_it.begin() + on, is_size));
  const auto [off, without] = place_of(false);
  EXPECT_TRUE(std::none_of(without.begin() + off, without.end(), is_size));
}

// A kernel without the file does as 0 says, and is refused as 1.
TEST(SettingFiles, BesideFullIsOfSomeBuilds) {
  const FakeTree tree;
  EXPECT_EQ(value_of(setting_values(Settings{}, tree.root()).value(), "anon_beside_full"), "(absent)");
  Settings settings;
  settings.anon_beside_full = true;
  const auto values = setting_values(settings, tree.root());
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().kind, Diagnostic::Kind::kPrivilege);
  EXPECT_EQ(values.error().what, "this kernel has no such file, which only some builds of Linux 6.18 have");
}

// What a state of the files allows: bit `order` for plain memory, bit 16 +
// order for memory under MADV_HUGEPAGE.
std::uint32_t allowed(const std::map<std::string, std::string>& words) {
  std::uint32_t bits = 0;
  const std::string& global = words.at("enabled");
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    std::string rule = words.at("hugepages-" + base::sysfs_size(Order(order)) + "/enabled");
    if (rule == "inherit") rule = global;
    if (rule == "always") bits |= 1U << order;
    if (rule != "never") bits |= 1U << (16 + order);
  }
  return bits;
}

Settings random_settings(base::Rng& rng) {
  Settings settings;
  settings.enabled = static_cast<GlobalEnabled>(rng.below(3));
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    settings.at(Order(order)) = static_cast<SizeEnabled>(rng.below(4));
  }
  return settings;
}

std::map<std::string, std::string> words_of(const Settings& settings, const FakeTree& tree) {
  std::map<std::string, std::string> words;
  const auto values = setting_values(settings, tree.root());
  for (const auto& v : values.value()) words[v.path] = v.value;
  return words;
}

// I-GUARD-4, for random pairs of settings, both ways: after every single write
// nothing is allowed that neither end allows.
TEST(SettingFiles, NoStepAllowsMoreThanBothEnds) {
  const FakeTree tree;
  base::Rng rng(7);
  for (int round = 0; round < 2000; ++round) {
    const Settings from = random_settings(rng);
    const Settings to = random_settings(rng);
    auto words = words_of(from, tree);
    const std::uint32_t ends = allowed(words) | allowed(words_of(to, tree));
    auto values = setting_values(to, tree.root()).value();
    sort_for_writing(values, rng.chance(50) ? WriteOrder::applying : WriteOrder::restoring);
    for (const SettingValue& value : values) {
      words[value.path] = value.value;
      ASSERT_EQ(allowed(words) & ~ends, 0U) << "round " << round << " at " << value.path;
    }
    ASSERT_EQ(words, words_of(to, tree));
  }
}

}  // namespace
}  // namespace quire::live
