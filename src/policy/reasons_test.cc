#include "policy/reasons.h"

#include <gtest/gtest.h>

#include <array>

#include "policy/attributes.h"
#include "policy/parse.h"

namespace quire::policy {
namespace {

using Kind = Reason::Kind;

// A file's own word comes after all boot words, and the last of several wins.
TEST(Reasons, TheLastWordOfAFileDecides) {
  EXPECT_EQ(reason_of("enabled=never transparent_hugepage=always enabled=madvise", "enabled"),
            (Reason{Kind::kFile, "enabled=madvise"}));
  EXPECT_EQ(reason_of("/sys/kernel/mm/transparent_hugepage/defrag=never", "defrag"),
            (Reason{Kind::kFile, "/sys/kernel/mm/transparent_hugepage/defrag=never"}));
  EXPECT_EQ(reason_of("khugepaged/defrag=0", "defrag"), Reason{});
}

// Boot words stand in the order given.
TEST(Reasons, TheLastBootWordThatListsASizeDecides) {
  const char* policy = "thp_anon=16K-64K:always thp_anon=64K:never;2M:inherit";
  EXPECT_EQ(reason_of(policy, "hugepages-32kB/enabled"), (Reason{Kind::kBoot, "thp_anon=16K-64K:always"}));
  EXPECT_EQ(reason_of(policy, "hugepages-64kB/enabled"),
            (Reason{Kind::kBoot, "thp_anon=64K:never;2M:inherit"}));
  EXPECT_EQ(reason_of(policy, "hugepages-512kB/enabled").kind, Kind::kNotListed);
  EXPECT_EQ(reason_of(policy, "enabled"), Reason{});
  EXPECT_EQ(reason_of("transparent_hugepage=always", "enabled"),
            (Reason{Kind::kBoot, "transparent_hugepage=always"}));
}

// A first word says the sizes; which other settings, depends on the word.
TEST(Reasons, FirstWords) {
  EXPECT_EQ(reason_of("16K+64K", "hugepages-64kB/enabled"), (Reason{Kind::kFirst, "16K+64K"}));
  EXPECT_EQ(reason_of("16K+64K", "hugepages-2048kB/enabled"), (Reason{Kind::kNotListed, "16K+64K"}));
  EXPECT_EQ(reason_of("16K+64K", "enabled"), Reason{});
  EXPECT_EQ(reason_of("never", "enabled"), (Reason{Kind::kFirst, "never"}));
  EXPECT_EQ(reason_of("linux-6.18", "use_zero_page"), (Reason{Kind::kFirst, "linux-6.18"}));
  EXPECT_EQ(reason_of("64K defrag=never", "defrag"), (Reason{Kind::kFile, "defrag=never"}));
}

// Taking the word away that is named as the reason changes the setting, or
// makes another word the reason; taking away any other word does neither.
TEST(Reasons, NobodyElseDecides) {
  const std::array<std::string, 4> words{"transparent_hugepage=always", "thp_anon=64K:always;128K:inherit",
                                         "thp_anon=128K:madvise", "defrag=defer"};
  const auto without = [&](std::size_t left_out) {
    std::string text = "linux-6.18";
    for (std::size_t i = 0; i < words.size(); ++i)
      if (i != left_out) text += " " + words[i];
    return text;
  };
  const std::string whole = without(words.size());
  for (const Attribute& file : attributes()) {
    const Reason reason = reason_of(whole, file.path);
    const std::string value = file.show(parse_policy(whole).value(), file.order);
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] == reason.word) {
        EXPECT_NE(reason_of(without(i), file.path), reason) << file.path;
      } else if (reason.kind != Kind::kNotListed) {
        EXPECT_EQ(file.show(parse_policy(without(i)).value(), file.order), value) << file.path << words[i];
      }
    }
  }
}

}  // namespace
}  // namespace quire::policy
