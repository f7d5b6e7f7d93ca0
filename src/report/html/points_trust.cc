#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

std::string interval(const Part& part, const std::string& path) {
  const auto low = part.number(path + "/low");
  const auto high = part.number(path + "/high");
  if (!low || !high) return "–";
  return fmt::format("{} to {}", number_text(low->value, Unit::kNanoseconds),
                     number_text(high->value, Unit::kNanoseconds));
}

Table timing_table(const Model& model, const Subject& subject, const Part& timing) {
  Table table{captioned(model, subject, "System time of the whole program"),
              {{"policy", Align::kLeft},
               {"predicted"},
               {"measured, mean"},
               {"95 % interval"},
               {"error"},
               {"predicted to be", Align::kLeft},
               {"measured to be", Align::kLeft}},
              {}};
  table.rows.push_back({{"4K, the control"},
                        {"–"},
                        cell_of(timing.number("/control_ns/mean"), Unit::kNanoseconds),
                        {interval(timing, "/control_ns"), timing.origin() + "/control_ns"},
                        {"–"},
                        {"–"},
                        {"–"}});
  for (std::size_t i = 0; i < timing.json()["policies"].size(); ++i) {
    const Part one = *timing.part(fmt::format("/policies/{}", i));
    const auto error = one.number("/error");
    table.rows.push_back(
        {{one.text("/policy")},
         cell_of(one.number("/predicted_ns"), Unit::kNanoseconds),
         cell_of(one.number("/measured_ns/mean"), Unit::kNanoseconds),
         {interval(one, "/measured_ns"), one.origin() + "/measured_ns"},
         {error ? fmt::format("{:+.1f} %", error->value * 100) : "–", error ? error->origin : ""},
         {one.text("/predicted_change")},
         {one.text("/measured_change")}});
  }
  return table;
}

void add_timing(const Model& model, const Subject& subject, Section& section) {
  for (const Part& timing : subject.timing) {
    const auto rounds = timing.number("/rounds");
    const auto noise = timing.number("/noise_ns");
    section.blocks.emplace_back(timing_table(model, subject, timing));
    section.blocks.emplace_back(Paragraph{
        fmt::format("n = {} rounds, interleaved: in each the control runs once and every policy "
                    "once, so that drift meets all alike. Each figure is the mean of the middle half of its "
                    "runs, with a bootstrap interval of 95 %. The noise floor is {}: what differs by less is "
                    "called same. "
                    "Processor time, so that time stolen by a hypervisor is not in it.",
                    rounds ? number_text(rounds->value, Unit::kCount) : "?",
                    noise ? number_text(noise->value, Unit::kNanoseconds) : "?")});
  }
}

Table agreement_table(const Model& model, const Subject& subject) {
  Table table{captioned(model, subject, "Predicted and measured"),
              {{"policy", Align::kLeft},
               {"agrees", Align::kLeft},
               {"faults, predicted"},
               {"measured"},
               {"RSS, predicted"},
               {"measured"},
               {"what is off", Align::kLeft}},
              {}};
  for (const PolicyView& view : subject.policies) {
    if (!view.verified) continue;
    const Part& v = *view.verified;
    std::string off;
    for (const std::string& sentence : v.texts("/off")) off += (off.empty() ? "" : "; ") + sentence;
    const bool agrees = v.flag("/agrees").value_or(false);
    table.rows.push_back(
        {{view.title()},
         {agrees ? "yes" : "NO", v.origin() + "/agrees", agrees ? Tone::kBetter : Tone::kWorse},
         cell_of(v.number("/predicted/minor_faults"), Unit::kCount),
         cell_of(v.number("/measured/minor_faults"), Unit::kCount),
         cell_of(v.number("/predicted/peak_rss_bytes"), Unit::kBytes),
         cell_of(v.number("/measured/peak_rss_bytes"), Unit::kBytes),
         {off.empty() ? "–" : off}});
  }
  return table;
}

struct Error {
  const char* name;
  const char* key;
  std::vector<double> shares = {};
};

// The error of each metric, over all policies of all programs.
Table error_table(const Model& model) {
  std::vector<Error> metrics{{"minor faults", "/minor_faults"},
                             {"peak RSS of one process", "/peak_rss_bytes"}};
  Error time{"system time", ""};
  for (const Subject& subject : model.subjects) {
    for (const PolicyView& view : subject.policies) {
      for (Error& metric : metrics) {
        const auto measured = view.measured(metric.key);
        const auto predicted =
            view.verified ? view.verified->number(std::string("/predicted") + metric.key) : std::nullopt;
        if (measured && predicted && measured->value > 0)
          metric.shares.push_back(std::abs(predicted->value / measured->value - 1));
      }
      if (const auto error = view.timed ? view.timed->number("/error") : std::nullopt)
        time.shares.push_back(std::abs(error->value));
    }
  }
  metrics.push_back(time);
  Table table{"Error by metric, as a share of what was measured",
              {{"metric", Align::kLeft}, {"cases"}, {"median"}, {"largest"}},
              {}};
  for (Error& metric : metrics) {
    if (metric.shares.empty()) continue;
    std::ranges::sort(metric.shares);
    table.rows.push_back({{metric.name},
                          {std::to_string(metric.shares.size())},
                          {fmt::format("{:.2f} %", metric.shares[(metric.shares.size() - 1) / 2] * 100)},
                          {fmt::format("{:.2f} %", metric.shares.back() * 100)}});
  }
  return table;
}

}  // namespace

Section statistics(const Model& model) {
  Section section{"statistics", "7. Statistics"};
  section.blocks.emplace_back(
      Paragraph{"Counts of a replay have no spread: n = 1 is all there is. What varies is the recorded "
                "program, and the machine when something is measured."});
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    add_timing(model, subject, section);
    if (subject.timing.empty())
      section.blocks.emplace_back(Missing{
          captioned(model, subject,
                    "No time was measured, so there is no interval, no effect size and no noise floor."),
          fmt::format("quire verify --time 11 {} --json > verify.json", file_of(subject))});
  }
  return section;
}

Section honesty(const Model& model) {
  Section section{"honesty", "8. How honest the model is"};
  const bool any = std::ranges::any_of(model.subjects, [](const Subject& s) {
    return std::ranges::any_of(s.policies, [](const PolicyView& v) { return v.verified.has_value(); });
  });
  if (any) {
    section.blocks.emplace_back(Picture{Picture::Kind::kChart, "honesty", "Predicted against measured",
                                        "Both axes logarithmic; one point for each figure of each policy. On "
                                        "the line the prediction was right."});
    section.blocks.emplace_back(error_table(model));
  }
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    Table table = agreement_table(model, subject);
    if (!table.rows.empty()) {
      section.blocks.emplace_back(std::move(table));
    } else {
      section.blocks.emplace_back(
          Missing{captioned(model, subject,
                            "Nothing here was measured on a live kernel: every number of this program is a "
                            "prediction, printed grey."),
                  fmt::format("quire verify {} --json > verify.json", file_of(subject))});
    }
    for (const std::string& note : subject.notes)
      section.blocks.emplace_back(Paragraph{captioned(model, subject, note), Paragraph::Kind::kWarning});
  }
  section.blocks.emplace_back(Paragraph{
      "Never modelled: what reclaim takes to find pages, waiting for devices, reclaim of page cache, "
      "sizes of page-cache folios, khugepaged but in the baselines, what fewer TLB misses save in user "
      "time, waiting for locks and for compaction, other programs of the host. docs/how-sure-are-we.md says "
      "how far each figure is "
      "checked."});
  return section;
}

std::vector<Section> eleven_points(const Model& model) {
  return {named_workloads(model), both_columns(model), baselines(model),     no_certainty(model),
          all_orders(model),      no_magic(model),     statistics(model),    honesty(model),
          kernel_counters(model), kernel_facts(model), short_children(model)};
}

}  // namespace quire::report
