#include "top/openmetrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "report/metrics_text.h"
#include "top/testing_frame.h"

namespace quire::top {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Names of samples, as a query would call them.
std::set<std::string> samples_of(const std::string& text) {
  std::set<std::string> names;
  for (const std::string& line : lines_of(text))
    if (!line.starts_with('#')) names.insert(line.substr(0, line.find_first_of("{ ")));
  return names;
}

void collect_names(const std::string& query, std::set<std::string>& names) {
  static const std::regex kName("quire_[a-z0-9_]+");
  for (std::sregex_iterator it(query.begin(), query.end(), kName), end; it != end; ++it)
    names.insert(it->str());
}

// Every expr, and every query that fills a variable, wherever it stands.
void collect_queries(const Json& json, std::set<std::string>& names) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_string() && (key == "expr" || key == "query" || key == "definition")) {
      collect_names(value.get<std::string>(), names);
    } else if (value.is_structured()) {
      collect_queries(value, names);
    }
  }
}

TEST(OpenMetrics, CountersAndGauges) {
  const auto lines = lines_of(openmetrics(testing::frame(), {}, 0));
  EXPECT_THAT(lines, Contains("# TYPE quire_thp_anon_fault_alloc counter"));
  EXPECT_THAT(lines, Contains("quire_thp_anon_fault_alloc_total{size=\"65536\"} 500"));
  EXPECT_THAT(lines, Contains("# TYPE quire_thp_nr_anon gauge"));
  EXPECT_THAT(lines, Contains("quire_thp_nr_anon{size=\"2097152\"} 40"));
  EXPECT_THAT(lines, Contains("# UNIT quire_memory_bytes bytes"));
  EXPECT_THAT(lines, Contains("quire_memory_bytes{name=\"MemTotal\"} 17179869184"));
  EXPECT_THAT(lines, Contains("quire_cpu_seconds_total 3"));
  EXPECT_EQ(lines.back(), "# EOF");
}

// Processes have series only when asked for, and no more than asked for: the largest.
TEST(OpenMetrics, ProcessesAreBounded) {
  EXPECT_THAT(openmetrics(testing::frame(), {}, 0), Not(HasSubstr("quire_process")));
  const std::string one = openmetrics(testing::frame(), {}, 1);
  EXPECT_THAT(one,
              HasSubstr("quire_process_resident_memory_bytes{pid=\"20\",name=\"redis-server\"} 838860800\n"));
  EXPECT_THAT(one,
              HasSubstr("{pid=\"20\",name=\"redis-server\",kind=\"anon\",size=\"2097152\"} 419430400\n"));
  EXPECT_THAT(one, Not(HasSubstr("worker")));
}

// By smaps the sizes of folios are not known: no series says they are of 4 KiB.
TEST(OpenMetrics, SmapsTierHasNoSizes) {
  Frame frame = testing::frame();
  frame.tier = Tier::kSmaps;
  const std::string text = openmetrics(frame, {}, 3);
  EXPECT_THAT(text, Not(HasSubstr("quire_process_folio_bytes")));
  EXPECT_THAT(text, HasSubstr("quire_process_pmd_mapped_bytes{"));
}

// A name can hold whatever it likes, and stays one label of one line.
TEST(OpenMetrics, LabelsAreEscaped) {
  EXPECT_EQ(report::label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
  EXPECT_EQ(report::label_value("x\xff"), "x\xef\xbf\xbd");
  Frame frame = testing::frame();
  frame.processes[1].stat.name = "a\"} 1\nquire_fake 2";
  EXPECT_THAT(lines_of(openmetrics(frame, {}, 1)), Not(Contains(::testing::StartsWith("quire_fake"))));
}

// A family's lines stand together, its head before them, once.
TEST(OpenMetrics, FamiliesStandTogether) {
  std::set<std::string> seen;
  std::string family;
  for (const std::string& line : lines_of(openmetrics(testing::frame(), {}, 3))) {
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(seen.insert(family).second) << family;
    } else if (!line.starts_with('#')) {
      EXPECT_THAT(line, ::testing::StartsWith(family));
    }
  }
  EXPECT_GT(seen.size(), 20U);
}

// The dashboard asks for nothing that is not there, and the page explains all that is.
TEST(OpenMetrics, DashboardNamesWhatThereIs) {
  const std::set<std::string> there = samples_of(openmetrics(testing::frame(), {}, 3));
  std::ifstream file(QUIRE_SOURCE_DIR "/share/grafana/quire.json");
  std::set<std::string> asked;
  collect_queries(Json::parse(file), asked);
  EXPECT_GT(asked.size(), 20U);
  for (const std::string& name : asked) EXPECT_TRUE(there.contains(name)) << name;
}

TEST(OpenMetrics, ThePageExplainsEveryMetric) {
  std::ifstream file(QUIRE_SOURCE_DIR "/docs/reference/top.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& name : samples_of(openmetrics(testing::frame(), {}, 3))) {
    const bool by_pattern =
        (name.starts_with("quire_thp_") || name.starts_with("quire_vmstat_")) && name.ends_with("_total");
    EXPECT_TRUE(by_pattern || page.find("`" + name + "`") != std::string::npos) << name;
  }
}

}  // namespace
}  // namespace quire::top
