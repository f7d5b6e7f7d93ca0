#include "policy/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "policy/attributes.h"

namespace quire::policy {
namespace {

using testing::HasSubstr;

using Sizes = std::initializer_list<std::pair<unsigned, SizeEnabled>>;

// All sizes never but these, by order.
Settings with_sizes(Sizes sizes) {
  Settings s;
  s.size.fill(SizeEnabled::never);
  for (const auto& [order, mode] : sizes) s.at(Order(order)) = mode;
  return s;
}

void expect_policy(std::string_view text, const Settings& expected) {
  const auto got = parse_policy(text);
  ASSERT_TRUE(got.has_value()) << text << ": " << got.error().line();
  EXPECT_EQ(*got, expected) << text << " gave " << canonical(*got);
}

Diagnostic refusal(std::string_view text) {
  const auto got = parse_policy(text);
  EXPECT_FALSE(got.has_value()) << text << " gave " << (got ? canonical(*got) : "");
  return got ? Diagnostic{} : got.error();
}

// The default policy is what the kernel boots with.
TEST(ParsePolicy, NamedDefault) { expect_policy("linux-6.18", Settings{}); }

// "never" and "4K" turn every size off, and the global file as well.
TEST(ParsePolicy, NeverTurnsAllOff) {
  Settings expected = with_sizes({});
  expected.enabled = GlobalEnabled::never;
  expect_policy("never", expected);
  expect_policy("4K", expected);
}

// A list of sizes turns these on for all mappings and every other size off;
// the global file decides for none of them and stays.
TEST(ParsePolicy, SizeLists) {
  using enum SizeEnabled;
  expect_policy("64K", with_sizes({{4, always}}));
  expect_policy("16K+64K", with_sizes({{2, always}, {4, always}}));
  expect_policy("2M", with_sizes({{9, always}}));
  expect_policy("all", with_sizes({{2, always},
                                   {3, always},
                                   {4, always},
                                   {5, always},
                                   {6, always},
                                   {7, always},
                                   {8, always},
                                   {9, always}}));
}

// Sizes may be spelled as the kernel, its files and people spell them.
TEST(ParsePolicy, SpellingsOfASize) {
  const Settings expected = with_sizes({{4, SizeEnabled::always}});
  for (const char* text :
       {"64K", "64k", "64kB", "64KB", "64KiB", "65536", "0x10000", "0x40K", "65536B", "64K+64K"})
    expect_policy(text, expected);
  expect_policy("1024K", with_sizes({{8, SizeEnabled::always}}));
  expect_policy("2m", with_sizes({{9, SizeEnabled::always}}));
}

// transparent_hugepage= sets the global file and leaves the sizes as booted.
TEST(ParsePolicy, GlobalBootWord) {
  Settings expected;
  for (const GlobalEnabled mode : {GlobalEnabled::always, GlobalEnabled::madvise, GlobalEnabled::never}) {
    expected.enabled = mode;
    expect_policy("transparent_hugepage=" + std::string(word(mode)), expected);
  }
}

// The example of the kernel's own documentation.
TEST(ParsePolicy, ThpAnonExample) {
  using enum SizeEnabled;
  expect_policy(
      "thp_anon=16K-64K:always;128K,512K:inherit;256K:madvise;1M-2M:never",
      with_sizes({{2, always}, {3, always}, {4, always}, {5, inherit}, {7, inherit}, {6, madvise}}));
}

// As soon as thp_anon= is given, 2 MiB does not inherit any more.
TEST(ParsePolicy, ThpAnonTakesInheritFrom2M) {
  expect_policy("thp_anon=64K:always", with_sizes({{4, SizeEnabled::always}}));
  expect_policy("linux-6.18 thp_anon=64K:never", with_sizes({}));
}

// Within one thp_anon= and from one to the next a later group wins.
TEST(ParsePolicy, LaterGroupsWin) {
  using enum SizeEnabled;
  expect_policy("thp_anon=16K-64K:always;32K:madvise", with_sizes({{2, always}, {3, madvise}, {4, always}}));
  expect_policy("thp_anon=16K:always thp_anon=64K:inherit", with_sizes({{2, always}, {4, inherit}}));
  expect_policy("thp_anon=64K,64K:always", with_sizes({{4, always}}));
}

// Files are written after boot, wherever they stand in the policy.
TEST(ParsePolicy, FilesComeAfterBootWords) {
  using enum SizeEnabled;
  Settings expected = with_sizes({{4, always}, {9, madvise}});
  expected.enabled = GlobalEnabled::always;
  expect_policy(
      "hugepages-2048kB/enabled=madvise enabled=always thp_anon=64K:always transparent_hugepage=never",
      expected);
}

// Each settings file, with and without the kernel's folder before it.
TEST(ParsePolicy, EveryFile) {
  Settings expected;
  expected.defrag = Defrag::defer_madvise;
  expected.use_zero_page = false;
  expected.shrink_underused = false;
  expected.anon_beside_full = true;
  expected.at(Order(4)) = SizeEnabled::inherit;
  expected.khugepaged = {.defrag = false,
                         .pages_to_scan = 1,
                         .scan_sleep_millisecs = 2,
                         .alloc_sleep_millisecs = 3,
                         .max_ptes_none = 0,
                         .max_ptes_swap = 5,
                         .max_ptes_shared = 6};
  const std::vector<std::string> files{"defrag=defer+madvise",
                                       "use_zero_page=0",
                                       "shrink_underused=0",
                                       "anon_beside_full=1",
                                       "hugepages-64kB/enabled=inherit",
                                       "khugepaged/defrag=0",
                                       "khugepaged/pages_to_scan=1",
                                       "khugepaged/scan_sleep_millisecs=2",
                                       "khugepaged/alloc_sleep_millisecs=3",
                                       "khugepaged/max_ptes_none=0",
                                       "khugepaged/max_ptes_swap=5",
                                       "khugepaged/max_ptes_shared=6"};
  std::string relative;
  std::string absolute;
  for (const std::string& file : files) {
    relative += file + " ";
    absolute += std::string(kSysfsPrefix) + file + "\n";
  }
  expect_policy(relative, expected);
  expect_policy(absolute, expected);
}

// A list of sizes may be followed by files and by the global boot word.
TEST(ParsePolicy, SizeListWithFiles) {
  Settings expected = with_sizes({{4, SizeEnabled::always}, {9, SizeEnabled::inherit}});
  expected.enabled = GlobalEnabled::always;
  expected.defrag = Defrag::never;
  expect_policy("64K transparent_hugepage=always defrag=never hugepages-2048kB/enabled=inherit", expected);
}

struct Malformed {
  std::string text;
  std::string says;  // part of the line the user sees
};

// What the kernel would warn about and ignore, or answer with an error, is
// refused as a usage error that says what would have been accepted.
TEST(ParsePolicy, MalformedIsRefusedWithTheReason) {
  const std::string sizes = "accepted are 16K 32K 64K 128K 256K 512K 1M 2M";
  const std::vector<Malformed> table{
      {"", "no policy given"},
      {"  \t\n", "no policy given"},
      {"al", "did you mean all?"},
      {"madvise", "the global file is written as transparent_hugepage=madvise"},
      {"nevr", "did you mean never?"},
      {"linux-6.17", "did you mean linux-6.18?"},
      {"always", "accepted are linux-6.18, never, 4K, all"},
      {"64", sizes},
      {"65K", "did you mean 64K?"},
      {"48K", sizes},
      {"8K", "two pages are too few"},
      {"4M", sizes},
      {"4K+64K", "\"4K\" alone means no large folios"},
      {"64K+", "\"\" is not a size"},
      {"64K++2M", "\"\" is not a size"},
      {"64Kx", "\"64Kx\" is not a size"},
      {"0100000", sizes},
      {"0x", sizes},
      {"99999999999999999999K", sizes},
      {"18446744073709551615G", sizes},
      {"64K,128K", sizes},
      {"-64K", "accepted are linux-6.18"},
      {"64K 2M", "put it first"},
      {"defrag=never 64K", "put it first"},
      {"64K linux-6.18", "put it first"},
      {"64K thp_anon=128K:always", "already says every size"},
      {"never thp_anon=64K:always", "already says every size"},
      {"transparent_hugepage", "did you mean transparent_hugepage=?"},
      {"transparent_hugepage=", "accepted are always, madvise, never"},
      {"transparent_hugepage=inherit", "accepted are always, madvise, never"},
      {"transparent_hugepage=Always", "did you mean always?"},
      {"transparent_hugpage=always", "did you mean transparent_hugepage?"},
      {"thp_anon=", "has no mode"},
      {"thp_anon=64K", "has no mode"},
      {"thp_anon=64K:", "accepted are always, inherit, madvise, never"},
      {"thp_anon=64K:alway", "did you mean always?"},
      {"thp_anon=64K:always;", "has no mode"},
      {"thp_anon=;64K:always", "has no mode"},
      {"thp_anon=:always", "\"\" is not a size"},
      {"thp_anon=,64K:always", "\"\" is not a size"},
      {"thp_anon=64K:always:never", "accepted are always, inherit, madvise, never"},
      {"thp_anon=4K:always", sizes},
      {"thp_anon=8K:always", "two pages are too few"},
      {"thp_anon=3M:always", sizes},
      {"thp_anon=1G:always", sizes},
      {"thp_anon=64K-16K:always", "the smaller size comes first"},
      {"thp_anon=16K-:always", "\"\" is not a size"},
      {"thp_anon=16K-32K-64K:always", "\"32K-64K\" is not a size"},
      {"thp_anon=16K;always", "has no mode"},
      {"thp_ano=64K:always", "did you mean thp_anon?"},
      {"thp_shmem=64K:always", "shared memory has no policy yet"},
      {"transparent_hugepage_tmpfs=always", "shared memory has no policy yet"},
      {"hugepages-64kB/shmem_enabled=always", "shared memory has no policy yet"},
      {"enabled=", "accepted is always, madvise or never"},
      {"enabled=inherit", "accepted is always, madvise or never"},
      {"defrag=deferr", "did you mean defer?"},
      {"use_zero_page=2", "(EINVAL): accepted is 0 or 1"},
      {"use_zero_page=99999999999999999999", "(ERANGE): accepted is 0 or 1"},
      {"use_zero_page=-1", "accepted is 0 or 1"},
      {"anon_beside_full=yes", "(EINVAL): accepted is 0 or 1"},
      {"shrink_underused=maybe", "accepted is 0 or 1"},
      {"hugepages-8kB/enabled=always", "neither a boot word nor a settings file (ENOENT)"},
      {"hugepages-64KB/enabled=always", "did you mean hugepages-64kB/enabled?"},
      {"hugepages-64kB=always", "(ENOENT)"},
      {"hugepages-64kB/stats/split=1", "can only be read (EACCES)"},
      {"hpage_pmd_size=2097152", "can only be read (EACCES)"},
      {"khugepaged/full_scans=1", "can only be read (EACCES)"},
      {"khugepaged/max_ptes_none=512", "a number from 0 to 511"},
      {"khugepaged/pages_to_scan=0", "a number from 1 to 4294967295"},
      {"khugepaged/max_ptes_nonee=1", "did you mean khugepaged/max_ptes_none?"},
      {"=always", "(ENOENT)"},
      {"/sys/kernel/mm/ksm/run=1", "(ENOENT)"},
      {std::string("use_zero_page=1\0junk", 20), "unprintable"},
      {"\x1b[31m64K", "?[31m64K"},
  };
  EXPECT_GE(table.size(), 40U);
  for (const Malformed& m : table) {
    const Diagnostic d = refusal(m.text);
    EXPECT_EQ(d.kind, Diagnostic::Kind::kUsage) << m.text;
    EXPECT_THAT(d.line(), HasSubstr(m.says)) << m.text;
    EXPECT_EQ(d.line().find_first_of("\x1b\n"), std::string::npos) << m.text;
  }
}

// A message stays one readable line however long the word was.
TEST(ParsePolicy, LongWordIsCutInTheMessage) {
  const Diagnostic d = refusal(std::string(100000, 'x'));
  EXPECT_LT(d.line().size(), 1000U);
}

// The words a person would write by hand.
TEST(Canonical, IsTheShortBootCommandLine) {
  const auto canonical_of = [](std::string_view text) { return canonical(parse_policy(text).value()); };
  EXPECT_EQ(canonical_of("linux-6.18"), "linux-6.18");
  EXPECT_EQ(canonical_of("64K"), "thp_anon=64K:always");
  EXPECT_EQ(canonical_of("16K+32K+64K+2M"), "thp_anon=16K-64K,2M:always");
  EXPECT_EQ(canonical_of("all"), "thp_anon=16K-2M:always");
  EXPECT_EQ(canonical_of("never"), "transparent_hugepage=never thp_anon=2M:never");
  EXPECT_EQ(canonical_of("enabled=always"), "transparent_hugepage=always");
  EXPECT_EQ(canonical_of("thp_anon=2M:inherit"), "linux-6.18");
  EXPECT_EQ(canonical_of("hugepages-64kB/enabled=always"), "thp_anon=64K:always;2M:inherit");
  EXPECT_EQ(canonical_of("64K khugepaged/max_ptes_none=0 defrag=defer+madvise"),
            "thp_anon=64K:always defrag=defer+madvise khugepaged/max_ptes_none=0");
}

}  // namespace
}  // namespace quire::policy
