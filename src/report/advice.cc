#include "report/advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/advice_words.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using lab::Advice;
using lab::Candidate;
using lab::Scope;

constexpr std::size_t kMostRows = 4;
constexpr std::size_t kWidth = 78;
constexpr std::size_t kTitleWidth = 11;
constexpr std::size_t kNameWidth = 22;

// "+4 %", "base": more memory than small pages.
std::string memory_text(const Advice& advice, const Candidate& c) {
  const auto small = static_cast<double>(advice.small().memory().raw());
  const double more = (static_cast<double>(c.memory().raw()) - small) * 100 / std::max(small, 1.0);
  return &c == &advice.small() ? "base" : fmt::format("{:+.1f} %", more);
}

std::string title_of(const Advice& advice, const Candidate& c) {
  const std::string name = name_of(c);
  return &c == &advice.now() ? "now: " + name : name;
}

std::string row(const Advice& advice, const Candidate& c, Ink ink) {
  const double now = advice.cpu_ns(advice.now());
  const bool recommended = &c == &advice.recommended();
  std::string name = title_of(advice, c);
  if (name.size() > kNameWidth) name = name.substr(0, kNameWidth - 3) + "...";
  const std::string line =
      fmt::format(" {:<{}} {:>5.3f}x {:>10} {:>9} {:>9} {:>9}{}", name, kNameWidth, advice.cpu_ns(c) / now,
                  time_text(c.kernel_ns()), time_text(cost::quantile(c.result.bill.faults, 0.99)),
                  memory_text(advice, c), c.result.minor_faults, recommended ? " <-" : "");
  return (recommended ? ink.strong(line) : line) + "\n";
}

// The title, and text behind it that is broken between words.
std::string paragraph(std::string_view title, std::string_view words) {
  std::string text = fmt::format("{:<{}}", title, kTitleWidth);
  std::size_t column = kTitleWidth;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    if (column + word.size() > kWidth && column != kTitleWidth) {
      text.back() = '\n';
      text += std::string(kTitleWidth, ' ');
      column = kTitleWidth;
    }
    text += fmt::format("{} ", word);
    column += word.size() + 1;
  }
  text.back() = '\n';
  return text;
}

// The fastest that changes nothing for other programs, of those that take no more memory than the
// recommendation; null when there is none that beats the host as it is.
const Candidate* narrower(const Advice& advice) {
  const Candidate* best = nullptr;
  for (const Candidate& c : advice.candidates) {
    if (c.change.scope >= Scope::kAdvised || c.memory() > advice.recommended().memory()) continue;
    const double fastest = best == nullptr ? advice.now().kernel_ns() : best->kernel_ns();
    if (c.kernel_ns() < fastest) best = &c;
  }
  return best;
}

// Now, what is recommended, what a narrower change would do, small pages, and the fastest of all.
std::vector<const Candidate*> rows_of(const Advice& advice) {
  std::vector<const Candidate*> rows{&advice.now()};
  const auto add = [&rows](const Candidate& c) {
    if (rows.size() < kMostRows && std::ranges::find(rows, &c) == rows.end()) rows.push_back(&c);
  };
  add(advice.recommended());
  const Candidate* const less = advice.leave() ? nullptr : narrower(advice);
  if (less != nullptr) add(*less);
  add(advice.small());
  if (!advice.pareto.empty()) add(advice.candidates[advice.pareto.front()]);
  return rows;
}

std::string confidence(const Advice& advice) {
  std::string text = word_of(advice.confidence);
  for (std::size_t i = 0; i < advice.doubts.size(); ++i) text += (i == 0 ? ": " : "; ") + advice.doubts[i];
  return text;
}

// Lines to paste are never broken.
std::string lines_of(std::string_view title, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += fmt::format("{:<{}}{}\n", text.empty() ? title : "", kTitleWidth, line);
  return text;
}

}  // namespace

std::string advice_text(const Advice& advice, const std::string& program, Ink ink) {
  std::string text = fmt::format("{} · {} of its own time recorded\n", trace::escape_name(program),
                                 time_text(advice.user_ns));
  text += ink.strong(paragraph("VERDICT", verdict_of(advice)));
  text += ink.faint(paragraph("CONFIDENCE", confidence(advice)));
  text += fmt::format("\n {:<{}} {:>6} {:>10} {:>9} {:>9} {:>9}\n", "", kNameWidth, "time", "in kernel",
                      "p99 fault", "memory", "faults");
  for (const Candidate* const c : rows_of(advice)) text += row(advice, *c, ink);
  text += "\n" + paragraph("WHY", reason_of(advice));
  if (advice.leave()) return text;
  const Candidate& best = advice.recommended();
  text += lines_of("DO", do_lines(advice));
  if (!best.change.needs.empty()) text += paragraph("NEEDS", best.change.needs);
  if (const std::string words = boot_words(advice); !words.empty()) {
    text += lines_of("TO KEEP", {words});
    text += paragraph("", "on the kernel's command line");
  }
  text += paragraph("SCOPE", scope_text(best.change.scope));
  text += lines_of("UNDO", undo_lines(advice));
  text += paragraph("RISK", kAdviceRisk);
  return text;
}

}  // namespace quire::report
