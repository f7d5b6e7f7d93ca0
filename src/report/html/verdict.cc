#include "report/html/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "report/html/escape.h"
#include "report/html/numbers.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

constexpr std::size_t kMostRows = 4;

std::string subject_line(const Subject& subject) {
  std::string line = subject.name;
  if (subject.summary) {
    if (const auto events = subject.summary->number("/events"))
      line += fmt::format(" · {} events recorded", number_text(events->value, Unit::kCount));
    const auto user = subject.summary->number("/cpu_user_ns");
    if (user) line += fmt::format(" · {} of its own time", number_text(user->value, Unit::kNanoseconds));
  }
  if (!subject.header) return line;
  const auto cpus = subject.header->number("/cpus");
  const auto ram = subject.header->number("/ram_bytes");
  if (cpus && ram)
    line += fmt::format(" · host: {} cpus, {}", number_text(cpus->value, Unit::kCount),
                        number_text(ram->value, Unit::kBytes));
  return line;
}

// Its name where it is short, else what it says.
std::string short_title(const PolicyView& view) { return shortened(view.title(), 28); }

std::vector<const PolicyView*> rows_of(const Subject& subject) {
  std::vector<const PolicyView*> rows;
  const auto add = [&rows](const PolicyView* view) {
    if (view != nullptr && rows.size() < kMostRows && std::ranges::find(rows, view) == rows.end())
      rows.push_back(view);
  };
  add(subject.now());
  add(subject.recommended());
  add(subject.small());
  if (const auto best = subject.pareto(); !best.empty()) add(best.front());
  if (!subject.advice.empty()) return rows;
  for (const PolicyView* const view : subject.shown(kMostRows)) add(view);
  return rows;
}

// Processor time of the whole program where the advice knows it, else the kernel's part.
std::optional<Number> time_of(const Subject& subject, const PolicyView& view) {
  auto time = view.predicted("/kernel_ns");
  if (!time || subject.advice.empty()) return time;
  if (const auto user = subject.advice.front().number("/user_ns")) {
    time->value += user->value;
    time->origin += " + " + user->origin;
  }
  return time;
}

Table table_of_rows(const Subject& subject) {
  const auto rows = rows_of(subject);
  Table table{"", {{"policy", Align::kLeft}}, {}};
  for (const char* const heading :
       {"time", "in kernel", "p99 fault", "memory", "never touched", "copied after fork"})
    table.headings.push_back({heading});
  if (rows.empty()) return table;
  const PolicyView& first = *rows.front();
  const PolicyView* const small = subject.small();
  const PolicyView& base = small != nullptr ? *small : first;
  for (const PolicyView* const view : rows) {
    const bool chosen = !subject.advice.empty() && view == subject.recommended();
    std::vector<Cell> cells{{(chosen ? "▸ " : "") + short_title(*view)}};
    cells.push_back(ratio_cell(time_of(subject, *view), time_of(subject, first)));
    cells.push_back(predicted_cell(*view, "/kernel_ns", Unit::kNanoseconds));
    cells.push_back(predicted_cell(*view, "/fault_ns_p99", Unit::kNanoseconds));
    cells.push_back(
        change_cell(view->predicted("/peak_resident_bytes"), base.predicted("/peak_resident_bytes")));
    cells.push_back(predicted_cell(*view, "/wasted_at_peak_bytes", Unit::kBytes));
    auto copied = view->predicted("/copied_pages");
    if (copied) copied->value *= static_cast<double>(kPageSize);
    cells.push_back(cell_of(copied, Unit::kBytes, Tone::kUnmeasured));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// "use 64K" -> "Use 64K."
std::string sentence(std::string words) {
  if (words.empty()) return words;
  if (words[0] >= 'a' && words[0] <= 'z') words[0] = static_cast<char>(words[0] - 'a' + 'A');
  return words + ".";
}

void advise(const Subject& subject, Verdict& verdict) {
  const Part& advice = subject.advice.front();
  const bool leave = advice.text("/verdict") == "leave";
  const PolicyView* const best = subject.recommended();
  verdict.verdict = sentence(advice.text("/sentence"));
  if (verdict.verdict.empty())
    verdict.verdict =
        leave ? "Leave it alone." : fmt::format("Use {}.", best != nullptr ? best->title() : "?");
  verdict.confidence = advice.text("/confidence");
  const auto doubts = advice.texts("/doubts");
  for (std::size_t i = 0; i < doubts.size(); ++i) verdict.confidence += (i == 0 ? ": " : "; ") + doubts[i];
  const auto fact = [&](const char* title, const char* key) {
    if (const std::string text = advice.text(key); !text.empty()) verdict.facts.emplace_back(title, text);
  };
  fact("Why", "/why");
  fact("Needs", "/needs");
  fact("Scope", "/concerns");
  fact("Risk", "/risk");
  if (leave) return;
  verdict.lines.push_back({"Do", advice.texts("/do")});
  if (const std::string keep = advice.text("/keep"); !keep.empty())
    verdict.lines.push_back({"Boot line", {keep}});
  verdict.lines.push_back({"Undo", advice.texts("/undo")});
}

// Without advice there is nothing to recommend, and that is said.
void compare(const Subject& subject, Verdict& verdict) {
  std::size_t verified = 0;
  std::vector<std::string> off;
  for (const PolicyView& view : subject.policies) {
    if (!view.verified) continue;
    ++verified;
    if (view.verified->flag("/agrees") == false) off.push_back(view.title());
  }
  const char* const no_advice = "No recommendation: nobody has weighed these policies.";
  if (verified == 0) {
    verdict.verdict = no_advice;
  } else if (off.empty()) {
    verdict.verdict =
        fmt::format("The prediction held under {} of {} policies. {}", verified, verified, no_advice);
  } else {
    verdict.verdict = fmt::format("The prediction was OFF under {} of {} policies: do not rely on it.",
                                  off.size(), verified);
    for (const std::string& name : off) verdict.warnings.push_back("off under " + name);
  }
  verdict.facts.emplace_back(
      "Next", fmt::format("quire advise {} --json > advice.json, and name advice.json as one more RUN",
                          file_of(subject)));
}

void warn(const Subject& subject, Verdict& verdict) {
  if (!subject.summary) {
    if (subject.header)
      verdict.warnings.emplace_back("the recording was cut off: all figures are of a part of the run");
    return;
  }
  const auto lost = subject.summary->number("/lost_events");
  if (lost && lost->value > 0)
    verdict.warnings.push_back(
        fmt::format("{} events were lost while recording", number_text(lost->value, Unit::kCount)));
  const auto gate = subject.summary->part("/gate");
  if (gate && gate->flag("/passed") == false)
    verdict.warnings.emplace_back("the recording failed its completeness gate");
}

}  // namespace

Verdict verdict_of(const Subject& subject) {
  Verdict verdict;
  verdict.subject = subject_line(subject);
  verdict.table = table_of_rows(subject);
  warn(subject, verdict);
  if (subject.advice.empty()) {
    compare(subject, verdict);
  } else {
    advise(subject, verdict);
  }
  return verdict;
}

}  // namespace quire::report
