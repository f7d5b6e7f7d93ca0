#include "exports/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exports/testing_export.h"
#include "lab/sweep_store.h"

namespace quire::exports {
namespace {

using nlohmann::json;
using testing::exported;
using ::testing::HasSubstr;
using testing::lines_of;
using ::testing::Not;

json policy(const std::string& name, std::uint64_t faults) {
  return {
      {"policy", name},
      {"canonical", "thp_anon=" + name},
      {"minor_faults", faults},
      {"folios", {{"64kB", 7}}},
      {"peak_resident_bytes", 3U << 20},
      {"kernel_ns", 1'500'000},
      {"fault_ns_p99", 4'000},
      {"state_hash", "00ff"},
      {"counters", {{"thp_fault_alloc", 5}, {"hugepages-64kB", {{"anon_fault_alloc", 7}, {"nr_anon", 2}}}}}};
}

json replay_document() {
  return {{"schema_version", 1},
          {"inputs", {{"path", "/srv/me/secret.quire"}}},
          {"notes", {"the file /srv/me/x is gone"}},
          {"policies", {policy("4K", 100), policy("64K", 20)}}};
}

Results read(const json& document, const record::Scrubber& scrubber = {}) {
  auto results = read_document(document, "r.json", scrubber);
  EXPECT_TRUE(results) << results.error().line();
  return std::move(*results);
}

// The figures keep their units and labels; what the answer lacks is not there.
TEST(Results, ReadsAReplay) {
  const Results results = read(replay_document());
  EXPECT_EQ(results.kind, Kind::kReplay);
  ASSERT_EQ(results.rows.size(), 2U);
  EXPECT_EQ(results.rows[1].label("policy"), "64K");
  const report::Figure* const peak = results.rows[0].figure("/peak_resident_bytes");
  ASSERT_NE(peak, nullptr);
  EXPECT_EQ(report::text_of(*peak), "3.0 MiB");
  EXPECT_EQ(results.rows[0].figure("/pmd_maps"), nullptr);
  EXPECT_EQ(results.rows[0].counters.at(65536).at("anon_fault_alloc"), 7U);
  EXPECT_EQ(results.rows[0].counters.at(0).at("thp_fault_alloc"), 5U);
}

// What a machine short of memory did is exported with the rest.
TEST(Results, HoldsPressure) {
  json document = replay_document();
  document["policies"][1]["swapped_out_pages"] = 4'024;
  const Results results = read(document);
  EXPECT_EQ(results.rows[0].figure("/swapped_out_pages"), nullptr);
  ASSERT_NE(results.rows[1].figure("/swapped_out_pages"), nullptr);
  EXPECT_EQ(report::text_of(*results.rows[1].figure("/swapped_out_pages")), "4,024");
}

// For others: no path, in notes neither.
TEST(Results, PublicHasNoPaths) {
  const Results results = read(replay_document(), record::Scrubber(3));
  EXPECT_THAT(results.about, Not(HasSubstr("secret")));
  EXPECT_THAT(results.notes[0], Not(HasSubstr("/srv")));
  EXPECT_THAT(results.notes[0], HasSubstr("the file"));
}

// JSON that is something else, values of the wrong type, absurd numbers.
TEST(Results, RefusesWhatIsNoAnswer) {
  for (const json& bad :
       {json::object(), json{{"policies", 5}}, json{{"policies", json::array()}}, json{{"advice", {}}}})
    EXPECT_FALSE(read_document(bad, "r.json", {})) << bad;
  json odd = replay_document();
  odd["policies"][0]["minor_faults"] = "many";
  odd["policies"][0]["kernel_ns"] = 1e300;
  odd["policies"][0]["folios"] = 5;
  const Results results = read(odd);
  EXPECT_EQ(results.rows[0].figure("/minor_faults"), nullptr);
  EXPECT_EQ(results.rows[0].figure("/kernel_ns"), nullptr);
}

// A file that is neither of the three.
TEST(Results, SaysWhatAFileIsNot) {
  const trace::testing::TempDir folder;
  std::ofstream(folder.file("x")) << "hello";
  const auto bad = read_results(folder.file("x"), {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, Diagnostic::Kind::kDamagedInput);
  std::ofstream(folder.file("deep")) << std::string(100'000, '[');
  EXPECT_FALSE(read_results(folder.file("deep"), {}));
  std::ofstream(folder.file("sql"), std::ios::binary) << std::string("SQLite format 3\0 and no more", 27);
  EXPECT_FALSE(read_results(folder.file("sql"), {}));
  EXPECT_FALSE(read_results(folder.file("none"), {}));
}

// Each measured figure stands beside its prediction, with the times.
TEST(Results, ReadsAVerify) {
  const json times{
      {"policies",
       {{{"predicted_ns", 5e6}, {"measured_ns", {{"mean", 6e6}, {"low", 5.5e6}, {"high", 7e6}}}}}}};
  const Results results = read({{"agrees", false},
                                {"policies",
                                 {{{"policy", "64K"},
                                   {"predicted", {{"minor_faults", 10}}},
                                   {"measured", {{"minor_faults", 8}}},
                                   {"error", {{"minor_faults", -2}}}}}},
                                {"system_time", times}});
  EXPECT_EQ(results.kind, Kind::kVerify);
  ASSERT_EQ(results.rows.size(), 3U);
  EXPECT_EQ(report::text_of(*results.rows[2].figure("/minor_faults")), "-2");
  EXPECT_EQ(report::text_of(*results.rows[1].figure("/system_ns")), "6.0 ms");
  EXPECT_EQ(results.rows[2].figure("/system_ns"), nullptr);
  const std::string text = exported([&](Output& out) { results_markdown(results, out); });
  EXPECT_THAT(text, HasSubstr("DIFFER"));
  EXPECT_THAT(text, HasSubstr("| predicted | measured | error |"));
}

json advice_document() {
  json best = policy("thp_anon=64K:always", 20);
  best["scope"] = "host";
  best["change"] = "64K";
  json now = policy("now", 100);
  now["scope"] = "host";
  now["change"] = "linux-6.18";
  json other = policy("thp_anon=1M:always", 100);
  other["scope"] = "host";
  other["change"] = "1M";
  return {{"advice",
           {{"verdict", "use"},
            {"change", "64K"},
            {"confidence", "low"},
            {"doubts", {"too short"}},
            {"do", {"echo always > /sys/x"}},
            {"pareto", {"64K"}},
            {"candidates", {now, other, best}}}}};
}

// The recommendation, how sure it is, and what to paste; of the candidates those
// that matter.
TEST(Results, ReadsAdvice) {
  const Results results = read(advice_document());
  EXPECT_EQ(results.kind, Kind::kAdvise);
  EXPECT_EQ(results.rows.size(), 3U);
  const std::string text = exported([&](Output& out) { results_markdown(results, out); });
  EXPECT_THAT(text, HasSubstr("Verdict: use 64K\nConfidence: low\ntoo short\n"));
  EXPECT_THAT(text, HasSubstr("64K (use)"));
  EXPECT_THAT(text, HasSubstr("| now "));
  EXPECT_THAT(text, Not(HasSubstr("| 1M ")));
  EXPECT_THAT(text, HasSubstr("    echo always > /sys/x\n"));
}

// A sweep's own file: its figures are those of replay.
TEST(Results, ReadsASweep) {
  const trace::testing::TempDir folder;
  {
    auto store = lab::SweepStore::open(folder.file("s.sqlite"));
    ASSERT_TRUE(store);
    lab::ReplayResult result;
    result.minor_faults = 12;
    result.bill.kernel_ns = 2e6;
    ASSERT_TRUE(store->put_recording("abc", "/p", "sort --secret"));
    result.pressure.emplace();
    result.counters.add(stats::VmEvent::pswpout, 77);
    const auto machine = lab::parse_machine("ram=1G swap=block:1G", "test");
    ASSERT_TRUE(machine);
    ASSERT_TRUE(store->put({"abc", "canon", machine->text, "ref", "h"}, "64K", *machine, result));
  }
  auto results = read_results(folder.file("s.sqlite"), {});
  ASSERT_TRUE(results) << results.error().line();
  ASSERT_EQ(results->rows.size(), 1U);
  EXPECT_EQ(results->rows[0].label("command"), "sort --secret");
  EXPECT_EQ(results->rows[0].label("policy"), "64K");
  EXPECT_EQ(results->rows[0].label("machine"), "ram=1G swap=block:1G");
  EXPECT_EQ(report::text_of(*results->rows[0].figure("/kernel_ns")), "2.0 ms");
  EXPECT_EQ(report::text_of(*results->rows[0].figure("/swapped_out_pages")), "77");
  results = read_results(folder.file("s.sqlite"), record::Scrubber(1));
  EXPECT_THAT(results->rows[0].label("command"), Not(HasSubstr("secret")));
}

// No line is wider than a mail, however many policies there are, and every row of
// a table has the same bars.
TEST(Markdown, FitsAMail) {
  json document = replay_document();
  for (int i = 0; i < 9; ++i)
    document["policies"].push_back(policy("thp_anon=16K-64K:always;" + std::to_string(i), 1000));
  const auto lines = lines_of(exported([&](Output& out) { results_markdown(read(document), out); }));
  std::size_t tables = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_LE(lines[i].size(), 78U) << lines[i];
    if (!lines[i].starts_with("|--")) continue;
    ++tables;
    for (std::size_t row = i - 1; row < lines.size() && lines[row].starts_with("|"); ++row) {
      EXPECT_EQ(std::ranges::count(lines[row], '|'), std::ranges::count(lines[i], '|')) << lines[row];
      EXPECT_EQ(lines[row].size(), lines[i].size()) << lines[row];
    }
  }
  EXPECT_GE(tables, 3U);
}

// A name cannot make columns or markup of its own.
TEST(Markdown, EscapesNames) {
  json document = replay_document();
  document["policies"][0]["policy"] = "a|b<script>";
  const std::string text = exported([&](Output& out) { results_markdown(read(document), out); });
  EXPECT_THAT(text, HasSubstr("a\\|b\\<script>"));
}

// A line a row, a column a figure; a figure that a row lacks is an empty cell.
TEST(Csv, HasARowForEachPolicy) {
  json document = replay_document();
  document["policies"][1].erase("minor_faults");
  const auto lines = lines_of(exported([&](Output& out) { results_csv(read(document), out); }));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(
      lines[0],
      "policy,canonical,minor_faults,folios_64kB,peak_resident_bytes,kernel_ns,fault_ns_p99,state_hash");
  EXPECT_EQ(lines[1], "4K,thp_anon=4K,100,7,3145728,1500000,4000,00ff");
  EXPECT_EQ(lines[2], "64K,thp_anon=64K,,7,3145728,1500000,4000,00ff");
}

// The same as objects.
TEST(Jsonl, HasAnObjectForEachPolicy) {
  const auto lines = lines_of(exported([&](Output& out) { results_jsonl(read(replay_document()), out); }));
  ASSERT_EQ(lines.size(), 2U);
  const json row = json::parse(lines[1]);
  EXPECT_EQ(row["policy"], "64K");
  EXPECT_EQ(row["folios"]["64kB"], 7);
  EXPECT_EQ(row["kernel_ns"], 1'500'000);
}

// Families once, samples under them, times in seconds, sizes and shares as labels.
TEST(OpenMetrics, NamesFamiliesOnce) {
  const auto lines =
      lines_of(exported([&](Output& out) { results_openmetrics(read(replay_document()), out); }));
  std::set<std::string> types;
  for (const std::string& line : lines)
    EXPECT_TRUE(!line.starts_with("# TYPE") || types.insert(line).second) << line;
  EXPECT_THAT(lines, ::testing::IsSupersetOf(
                         {"quire_replay_minor_faults{policy=\"4K\"} 100",
                          "# UNIT quire_replay_kernel_seconds seconds",
                          "quire_replay_kernel_seconds{policy=\"64K\"} 0.0015",
                          "quire_replay_folios{policy=\"4K\",size=\"65536\"} 7",
                          "quire_replay_fault_service_seconds{policy=\"4K\",share=\"0.99\"} 4e-06",
                          "# TYPE quire_replay_thp_anon_fault_alloc counter",
                          "quire_replay_thp_anon_fault_alloc_total{policy=\"4K\",size=\"65536\"} 7",
                          "quire_replay_thp_nr_anon{policy=\"4K\",size=\"65536\"} 2",
                          "quire_replay_vmstat_thp_fault_alloc_total{policy=\"4K\"} 5"}));
  EXPECT_EQ(lines.back(), "# EOF");
}

// Rows that no label tells apart would be one series twice.
TEST(OpenMetrics, HasNoSeriesTwice) {
  json document = replay_document();
  document["policies"].push_back(policy("4K", 999));
  const std::string text = exported([&](Output& out) { results_openmetrics(read(document), out); });
  EXPECT_THAT(text, Not(HasSubstr("999")));
}

// A file appears whole; a recording is not overwritten; a failure leaves nothing.
TEST(Output, ReplacesAFileAtTheEnd) {
  const trace::testing::TempDir folder;
  std::ofstream(folder.file("f")) << "old";
  {
    auto out = Output::open(folder.file("f"));
    ASSERT_TRUE(out);
    out->write("new");
    EXPECT_EQ(testing::text_of(folder.file("f")), "old");
  }
  EXPECT_EQ(testing::text_of(folder.file("f")), "old");
  auto out = Output::open(folder.file("f"));
  ASSERT_TRUE(out);
  out->write("new");
  ASSERT_TRUE(out->finish());
  EXPECT_EQ(testing::text_of(folder.file("f")), "new");
  trace::testing::write_recording(folder.file("r"), trace::testing::full_header(), {},
                                  trace::testing::full_summary());
  EXPECT_FALSE(Output::open(folder.file("r")));
  EXPECT_FALSE(Output::open("/nonexistent/folder/file"));
}

}  // namespace
}  // namespace quire::exports
