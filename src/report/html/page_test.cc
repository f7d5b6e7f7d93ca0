#include "report/html/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "report/html/testing_runs.h"
#include "trace/utf8.h"

namespace quire::report {
namespace {

using namespace quire::report::testing;
using ::testing::HasSubstr;
using ::testing::Not;

Model model_of(std::vector<Json> answers) {
  std::vector<Run> runs;
  for (const Json& answer : answers) runs.push_back(run_of(answer));
  return make_model(std::move(runs));
}

std::size_t width_of(std::string_view line) {
  std::size_t width = 0;
  for (; !line.empty(); ++width) line.remove_prefix(std::max<std::size_t>(trace::first_utf8(line).length, 1));
  return width;
}

std::size_t times(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// The page holds its scripts and the data once each, fills every place, and asks for nothing.
TEST(HtmlPage, NeedsNothingElse) {
  const std::string page = html_page(model_of({advice_answer(), replay_answer(), verify_answer()}));
  EXPECT_EQ(times(page, "</script>"), 3U);
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
  EXPECT_THAT(page, Not(HasSubstr(" src=")));
  EXPECT_TRUE(is_report(page));
  EXPECT_FALSE(is_report("<!DOCTYPE html><html>"));
}

// All twelve points are there, whatever the RUNs hold.
TEST(HtmlPage, TwelvePoints) {
  for (const Json& answer : {advice_answer(), replay_answer(), verify_answer()}) {
    const std::string page = html_page(model_of({answer}));
    for (int point = 1; point <= 12; ++point)
      EXPECT_EQ(times(page, fmt::format("<h2>{}. ", point)), 1U) << point;
  }
}

// Names are text wherever they appear.
TEST(HtmlPage, HostileNames) {
  const std::string name = "</script><img src=x onerror=\"alert(1)\">{{script}}";
  Json replay = replay_answer();
  replay["inputs"]["path"] = name;
  replay["inputs"]["header"]["argv"] = {name};
  replay["policies"][1]["policy"] = name;
  replay["policies"][1]["notes"] = {name};
  Json& mapping = replay["policies"][1]["timeline"]["folio_map"]["mappings"][0];
  mapping["name"] = mapping["process"] = name;
  const std::string page = html_page(model_of({replay}));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_EQ(times(page, "</script>"), 3U);
  EXPECT_THAT(page, HasSubstr("{{script}}"));  // as text, not filled in
}

// What the RUNs do not say is said, with the command that would.
TEST(HtmlPage, SaysWhatIsMissing) {
  const std::string page = html_page(model_of({replay_answer()}));
  EXPECT_THAT(page, HasSubstr("No recommendation"));
  EXPECT_THAT(page, HasSubstr("quire verify --time 11 mine.quire --json"));
  EXPECT_THAT(page, HasSubstr("No table of mappings"));
}

// Equal RUNs, equal page.
TEST(HtmlPage, IsTheSameAgain) {
  EXPECT_EQ(html_page(model_of({advice_answer(), replay_answer()})),
            html_page(model_of({advice_answer(), replay_answer()})));
}

// A policy that only gains beside 4K is flagged by the tool itself.
TEST(HtmlPage, OnlyGainsAreIncomplete) {
  Json replay = replay_answer();
  EXPECT_THAT(html_page(model_of({replay})), Not(HasSubstr("shows only gains")));
  replay["policies"][1]["peak_resident_bytes"] = 1e6;
  EXPECT_THAT(html_page(model_of({replay})), HasSubstr("64K shows only gains"));
}

// A prediction that was off is the verdict.
TEST(HtmlPage, OffIsTheVerdict) {
  Json verify = verify_answer();
  verify["policies"][0]["agrees"] = false;
  verify["policies"][0]["off"] = {"minor faults: predicted 1000, measured 2000"};
  const std::string page = html_page(model_of({verify}));
  EXPECT_THAT(page, HasSubstr("The prediction was OFF under 1 of 1 policies"));
  EXPECT_THAT(page, HasSubstr("minor faults: predicted 1000, measured 2000"));
}

// Lost events stand on the first screen.
TEST(HtmlPage, LossIsOnTheFirstScreen) {
  Json replay = replay_answer();
  replay["inputs"]["summary"]["lost_events"] = 3;
  const std::string page = html_page(model_of({replay}));
  EXPECT_LT(page.find("3 events were lost"), page.find("<nav>"));
}

// Lines fit a mail, but for those that are pasted.
TEST(PlainPage, FitsAMail) {
  const std::string text = plain_page(model_of({advice_answer(), replay_answer(), verify_answer()}));
  EXPECT_THAT(text, HasSubstr("VERDICT: Use 64K on this host."));
  EXPECT_THAT(text, HasSubstr("8. How honest the model is"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(width_of(line) <= 78 || line.starts_with("    ")) << line;
}

}  // namespace
}  // namespace quire::report
