#include "sysfs/thp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace quire::sysfs {
namespace {

using policy::Settings;
using stats::MthpStat;

class ThpTreeTest : public testing::Test {
 protected:
  // The text of a file, or the name of the error.
  [[nodiscard]] std::string text(std::string_view path) const {
    const auto got = tree_.read(path);
    return got ? *got : errno_name(got.error());
  }
  [[nodiscard]] std::string names(std::string_view dir) const {
    const auto got = tree_.list(dir);
    return got ? fmt::format("{}", fmt::join(*got, " ")) : errno_name(got.error());
  }
  // "ok", or the name of the error.
  [[nodiscard]] std::string write(std::string_view path, std::string_view what) {
    const auto done = tree_.write(path, what);
    return done ? "ok" : errno_name(done.error());
  }

  Settings settings_;
  stats::Counters counters_;
  ThpTree tree_{settings_, counters_};
};

// The folders, by the kernel's names.
TEST_F(ThpTreeTest, Lists) {
  EXPECT_EQ(names(""),
            "anon_beside_full defrag enabled hpage_pmd_size hugepages-1024kB hugepages-128kB hugepages-16kB "
            "hugepages-2048kB "
            "hugepages-256kB hugepages-32kB hugepages-512kB hugepages-64kB hugepages-8kB khugepaged "
            "shrink_underused use_zero_page");
  EXPECT_EQ(names("khugepaged/"),
            "alloc_sleep_millisecs defrag full_scans max_ptes_none max_ptes_shared max_ptes_swap "
            "pages_collapsed pages_to_scan scan_sleep_millisecs");
  EXPECT_EQ(names("/sys/kernel/mm/transparent_hugepage/hugepages-64kB"), "enabled stats");
  EXPECT_EQ(names("hugepages-64kB/stats"),
            "anon_fault_alloc anon_fault_declined anon_fault_fallback anon_fault_fallback_charge nr_anon "
            "nr_anon_partially_mapped split split_deferred split_failed swpin swpin_fallback "
            "swpin_fallback_charge swpout swpout_fallback zswpout");
}

// 8 KiB is no size of anonymous memory: no `enabled`, and only what every
// folio counts.
TEST_F(ThpTreeTest, TwoPageSizeHasNoSetting) {
  EXPECT_EQ(names("hugepages-8kB"), "stats");
  EXPECT_EQ(names("hugepages-8kB/stats"),
            "split split_failed swpin swpin_fallback swpin_fallback_charge swpout swpout_fallback zswpout");
  EXPECT_EQ(text("hugepages-8kB/enabled"), "ENOENT");
  EXPECT_EQ(write("hugepages-8kB/enabled", "always"), "ENOENT");
}

// Right after boot.
TEST_F(ThpTreeTest, ReadsBootDefaults) {
  EXPECT_EQ(text("enabled"), "always [madvise] never\n");
  EXPECT_EQ(text("defrag"), "always defer defer+madvise [madvise] never\n");
  EXPECT_EQ(text("use_zero_page"), "1\n");
  EXPECT_EQ(text("shrink_underused"), "1\n");
  EXPECT_EQ(text("anon_beside_full"), "0\n");
  EXPECT_EQ(text("hpage_pmd_size"), "2097152\n");
  EXPECT_EQ(text("hugepages-64kB/enabled"), "always inherit madvise [never]\n");
  EXPECT_EQ(text("hugepages-2048kB/enabled"), "always [inherit] madvise never\n");
  EXPECT_EQ(text("khugepaged/pages_to_scan"), "4096\n");
  EXPECT_EQ(text("khugepaged/full_scans"), "0\n");
}

// Every accepted word of each choice file shows in brackets after the write,
// with and without a newline behind.
TEST_F(ThpTreeTest, ChoicesShowWhatWasWritten) {
  for (const policy::Attribute& a : policy::attributes()) {
    const std::string before = text(a.path);
    if (before.find('[') == std::string::npos) continue;
    std::string words = before;
    std::erase_if(words, [](char c) { return c == '[' || c == ']' || c == '\n'; });
    for (std::size_t at = 0; at < words.size();) {
      const std::size_t end = std::min(words.find(' ', at), words.size());
      const std::string word = words.substr(at, end - at);
      EXPECT_EQ(write(a.path, at == 0 ? word : word + "\n"), "ok") << a.path;
      EXPECT_NE((" " + text(a.path)).find(" [" + word + "]"), std::string::npos) << a.path << word;
      at = end + 1;
    }
  }
}

// A write goes to the settings, for all of them to see.
TEST_F(ThpTreeTest, WriteChangesTheSetting) {
  EXPECT_EQ(write("hugepages-64kB/enabled", "always\n"), "ok");
  EXPECT_EQ(settings_.at(Order(4)), policy::SizeEnabled::always);
  EXPECT_EQ(write("khugepaged/max_ptes_none", "0"), "ok");
  EXPECT_EQ(settings_.khugepaged.max_ptes_none, 0U);
  EXPECT_EQ(write("/sys/kernel/mm/transparent_hugepage/defrag", "defer+madvise"), "ok");
  EXPECT_EQ(settings_.defrag, policy::Defrag::defer_madvise);
}

// I-SYSFS-1: a refused write leaves everything as it was.
TEST_F(ThpTreeTest, RefusedWriteChangesNothing) {
  for (const policy::Attribute& a : policy::attributes())
    EXPECT_EQ(write(a.path, "bogus"), "EINVAL") << a.path;
  EXPECT_EQ(write("use_zero_page", "99999999999999999999"), "ERANGE");
  EXPECT_EQ(write("khugepaged/max_ptes_none", "99999999999999999999"), "EINVAL");
  EXPECT_EQ(settings_, Settings{});
}

// Paths that are not there, not files, not folders, or not to be written.
TEST_F(ThpTreeTest, PathErrors) {
  EXPECT_EQ(text("nope"), "ENOENT");
  EXPECT_EQ(text("enabled/x"), "ENOTDIR");
  EXPECT_EQ(text("khugepaged"), "EISDIR");
  EXPECT_EQ(text(""), "EISDIR");
  EXPECT_EQ(names("nope"), "ENOENT");
  EXPECT_EQ(names("enabled"), "ENOTDIR");
  EXPECT_EQ(names("/sys/kernel/mm/transparent_hugepage"), names(""));
  EXPECT_EQ(names("/sys/kernel/mm/transparent_hugepages"), "ENOENT");
  EXPECT_EQ(write("khugepaged", "1"), "EISDIR");
  EXPECT_EQ(write("nope", "1"), "ENOENT");
  for (const std::string& path : tree_.files()) {
    if (tree_.writable(path)) continue;
    EXPECT_EQ(write(path, "1"), "EACCES") << path;
  }
}

// A write of no bytes is accepted and does nothing, and of a long one only
// the first page counts.
TEST_F(ThpTreeTest, EmptyAndLongWrites) {
  EXPECT_EQ(write("enabled", ""), "ok");
  EXPECT_EQ(settings_, Settings{});
  EXPECT_EQ(write("enabled", "always" + std::string(5000, '\n')), "EINVAL");
  EXPECT_EQ(write("use_zero_page", std::string(4096, '0') + "1"), "ok");
  EXPECT_FALSE(settings_.use_zero_page);
}

// I-SYSFS-2: the hook runs for accepted writes only.
TEST_F(ThpTreeTest, HookRunsAfterAcceptedWrites) {
  int runs = 0;
  policy::GlobalEnabled seen{};
  tree_.on_change([&] {
    ++runs;
    seen = settings_.enabled;
  });
  EXPECT_EQ(write("enabled", "never"), "ok");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(seen, policy::GlobalEnabled::never);
  EXPECT_EQ(write("enabled", "nope"), "EINVAL");
  EXPECT_EQ(write("enabled", ""), "ok");
  EXPECT_EQ(write("hpage_pmd_size", "1"), "EACCES");
  EXPECT_EQ(text("enabled"), "always madvise [never]\n");
  EXPECT_EQ(runs, 1);
}

// Counters and gauges read as they stand now.
TEST_F(ThpTreeTest, StatsFollowTheCounters) {
  EXPECT_EQ(text("hugepages-64kB/stats/anon_fault_alloc"), "0\n");
  counters_.add(MthpStat::anon_fault_alloc, Order(4), 16);
  counters_.add(MthpStat::nr_anon, Order(4), 2);
  counters_.add(MthpStat::nr_anon, Order(4), -1);
  EXPECT_EQ(text("hugepages-64kB/stats/anon_fault_alloc"), "16\n");
  EXPECT_EQ(text("hugepages-64kB/stats/nr_anon"), "1\n");
  EXPECT_EQ(text("hugepages-32kB/stats/anon_fault_alloc"), "0\n");
}

// What khugepaged did is asked of its owner.
TEST(ThpTree, KhugepagedProgressComesFromTheSource) {
  Settings settings;
  const stats::Counters counters;
  std::uint64_t scans = 3;
  const ThpTree tree(settings, counters,
                     {.full_scans = [&] { return scans; }, .pages_collapsed = [] { return 7UL; }});
  EXPECT_EQ(tree.read("khugepaged/full_scans").value(), "3\n");
  ++scans;
  EXPECT_EQ(tree.read("khugepaged/full_scans").value(), "4\n");
  EXPECT_EQ(tree.read("khugepaged/pages_collapsed").value(), "7\n");
}

// What is not modelled is not there, rather than there and wrong.
TEST_F(ThpTreeTest, NotModelledIsAbsent) {
  for (const NotModelled& missing : not_modelled()) {
    std::string path(missing.path);
    if (const std::size_t star = path.find('*'); star != std::string::npos) path.replace(star, 1, "64kB");
    EXPECT_EQ(text(path), "ENOENT") << path;
    EXPECT_FALSE(missing.why.empty());
  }
}

}  // namespace
}  // namespace quire::sysfs
