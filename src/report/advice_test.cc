#include "report/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "policy/parse.h"

namespace quire::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

lab::Candidate candidate(const std::string& policy, double kernel_ns, std::uint64_t faults) {
  lab::Candidate c{policy, *policy::parse_policy(policy), {}};
  c.result.bill.kernel_ns = kernel_ns;
  c.result.minor_faults = faults;
  c.result.peak_resident = 10_MiB;
  return c;
}

lab::Advice advice(std::size_t best) {
  lab::Advice a;
  a.candidates = {candidate("4K", 9e6, 4000), candidate("4K", 9e6, 4000),
                  candidate("16K+32K+64K+2M", 3e6, 400)};
  a.best = best;
  a.pareto = {2};
  a.user_ns = 50e6;
  a.confidence = lab::Confidence::kMedium;
  a.doubts = {"times are those of the machine reference", "only 0.05 s of processor time recorded"};
  return a;
}

// Each file that differs is a line, and no other.
TEST(ChangeLines, OneForEachFile) {
  const auto lines = change_lines(*policy::parse_policy("64K"), *policy::parse_policy("16K"));
  EXPECT_THAT(lines, ElementsAre("echo always > /sys/kernel/mm/transparent_hugepage/hugepages-16kB/enabled",
                                 "echo never > /sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"));
}

// The verdict stands first, what to paste is whole, and the rest fits a mail.
TEST(AdviceText, FitsAMail) {
  const std::string text = advice_text(advice(2), "python3");
  EXPECT_THAT(text, HasSubstr("\nVERDICT    use 16K-64K,2M on this host\n"));
  EXPECT_THAT(text, HasSubstr("thp_anon=16K-64K,2M:always"));
  EXPECT_THAT(text, HasSubstr("UNDO       echo never > "));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool pasted = line.find("/sys/kernel") != std::string::npos;
    EXPECT_TRUE(pasted || line.size() <= 79) << line;
  }
}

// A change of the program alone names no file of the host, and says what it needs.
TEST(AdviceText, AProgramsOwnChange) {
  lab::Advice a = advice(2);
  a.candidates[2].settings = a.candidates[0].settings;
  a.candidates[2].change = {.scope = lab::Scope::kRuntime,
                            .name = "glibc.malloc.hugetlb=1",
                            .own = {},
                            .lines = {"export GLIBC_TUNABLES=glibc.malloc.hugetlb=1"},
                            .undo = {"unset GLIBC_TUNABLES"},
                            .needs = "glibc 2.35 or later"};
  const std::string text = advice_text(a, "perl");
  EXPECT_THAT(text, HasSubstr("VERDICT    glibc.malloc.hugetlb=1 for this program; leave the host alone\n"));
  EXPECT_THAT(text, HasSubstr("DO         export GLIBC_TUNABLES"));
  EXPECT_THAT(text, HasSubstr("UNDO       unset GLIBC_TUNABLES"));
  EXPECT_THAT(text, HasSubstr("NEEDS      glibc 2.35"));
  EXPECT_THAT(text, Not(HasSubstr("/sys/kernel")));
  EXPECT_EQ(advice_json(a)["scope"], "runtime");
  EXPECT_TRUE(advice_json(a)["policy"].is_null());
}

// Colour changes no word and no place: without its signs the screen is the same.
TEST(AdviceText, ColourAddsOnlySigns) {
  const std::string text = advice_text(advice(2), "python3", Ink(Ink::Use::kColour));
  EXPECT_THAT(text, HasSubstr("\x1b[1mVERDICT    use 16K-64K,2M on this host\x1b[0m\n"));
  const std::regex sign("\x1b\\[[0-9;]*m");
  EXPECT_EQ(std::regex_replace(text, sign, ""), advice_text(advice(2), "python3"));
}

// To leave things alone is advice as well, with its reason and nothing to paste.
TEST(AdviceText, LeaveItAlone) {
  const std::string text = advice_text(advice(0), "python3");
  EXPECT_THAT(text, HasSubstr("VERDICT    leave it alone"));
  EXPECT_THAT(text, HasSubstr("would save 6.0 ms"));
  EXPECT_THAT(text, Not(HasSubstr("echo")));
}

// A recording chooses its program's name.
TEST(AdviceText, NamesAreEscaped) {
  EXPECT_THAT(advice_text(advice(0), "\x1b[31mred"), Not(HasSubstr("\x1b")));
}

// Programs get the verdict as words, and null where there is no policy.
TEST(AdviceJson, Verdict) {
  EXPECT_EQ(advice_json(advice(2))["verdict"], "use");
  EXPECT_EQ(advice_json(advice(2))["policy"], "16K+32K+64K+2M");
  EXPECT_EQ(advice_json(advice(2))["do"].size(), 5U);
  EXPECT_EQ(advice_json(advice(2))["keep"], "thp_anon=16K-64K,2M:always");
  EXPECT_TRUE(advice_json(advice(0))["policy"].is_null());
  EXPECT_EQ(advice_json(advice(2))["recommended"], 2);
  EXPECT_TRUE(advice_json(advice(0))["risk"].is_null());
  EXPECT_EQ(advice_json(advice(0))["do"].size(), 0U);
}

}  // namespace
}  // namespace quire::report
