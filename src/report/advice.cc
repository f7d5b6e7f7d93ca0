#include "report/advice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/size.h"
#include "live/host.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "report/document.h"
#include "report/figures.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using lab::Advice;
using lab::Candidate;
using lab::Confidence;

constexpr std::size_t kMostRows = 4;
constexpr std::size_t kWidth = 78;
constexpr std::size_t kTitleWidth = 11;
constexpr std::size_t kNameWidth = 22;

const char* word_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::kHigh:
      return "high";
    case Confidence::kMedium:
      return "medium";
    case Confidence::kLow:
      break;
  }
  return "low";
}

std::string time_text(double ns) {
  return text_of(Figure{"", "", static_cast<std::uint64_t>(ns), Unit::kNanoseconds});
}

// "+4 %", "base": more memory than small pages.
std::string memory_text(const Advice& advice, const Candidate& c) {
  const auto small = static_cast<double>(advice.small().memory().raw());
  const double more = (static_cast<double>(c.memory().raw()) - small) * 100 / std::max(small, 1.0);
  return &c == &advice.small() ? "base" : fmt::format("{:+.1f} %", more);
}

// "64K", "16K-512K,2M", or all that --policy would be given.
std::string short_name(const policy::Settings& settings) {
  constexpr std::string_view kBegin = "thp_anon=";
  constexpr std::string_view kEnd = ":always";
  const std::string text = policy::canonical(settings);
  const std::string_view inside(text);
  if (std::ranges::all_of(settings.size, [](auto e) { return e == policy::SizeEnabled::never; })) return "4K";
  const bool one_word = inside.find_first_of(" ;") == std::string_view::npos;
  if (!one_word || !inside.starts_with(kBegin) || !inside.ends_with(kEnd)) return text;
  return std::string(inside.substr(kBegin.size(), inside.size() - kBegin.size() - kEnd.size()));
}

std::string name_of(const Advice& advice, const Candidate& c) {
  const std::string name = short_name(c.settings);
  return &c == &advice.now() ? "now: " + name : name;
}

std::string row(const Advice& advice, const Candidate& c) {
  const double now = advice.cpu_ns(advice.now());
  const bool recommended = &c == &advice.recommended();
  std::string name = name_of(advice, c);
  if (name.size() > kNameWidth) name = name.substr(0, kNameWidth - 3) + "...";
  return fmt::format(" {:<{}} {:>5.3f}x {:>10} {:>9} {:>9} {:>9}{}\n", name, kNameWidth,
                     advice.cpu_ns(c) / now, time_text(c.kernel_ns()),
                     time_text(cost::quantile(c.result.bill.faults, 0.99)), memory_text(advice, c),
                     c.result.minor_faults, recommended ? " <-" : "");
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

// Now, what is recommended, small pages, and the fastest of all.
std::vector<const Candidate*> rows_of(const Advice& advice) {
  std::vector<const Candidate*> rows{&advice.now()};
  const auto add = [&rows](const Candidate& c) {
    if (rows.size() < kMostRows && std::ranges::find(rows, &c) == rows.end()) rows.push_back(&c);
  };
  add(advice.recommended());
  add(advice.small());
  if (!advice.pareto.empty()) add(advice.candidates[advice.pareto.front()]);
  return rows;
}

std::string verdict(const Advice& advice) {
  if (advice.leave()) return "leave it alone: nothing that could be set is worth setting";
  return fmt::format("use {} on this host", short_name(advice.recommended().settings));
}

double share(double part, double whole) { return whole > 0 ? part * 100 / whole : 0; }

std::string why(const Advice& advice) {
  const Candidate& now = advice.now();
  if (advice.leave()) {
    const Candidate& fastest = advice.candidates[advice.pareto.front()];
    const double saved = std::max(now.kernel_ns() - fastest.kernel_ns(), 0.0);
    return fmt::format("the fastest, {}, would save {} of {} of processor time ({:.1f} %)",
                       short_name(fastest.settings), time_text(saved), time_text(advice.cpu_ns(now)),
                       share(saved, advice.cpu_ns(now)));
  }
  const Candidate& best = advice.recommended();
  if (now.kernel_ns() <= best.kernel_ns())
    return fmt::format("{} of {} are never touched now; then {} of {}",
                       base::human_size(now.result.wasted_at_peak), base::human_size(now.memory()),
                       base::human_size(best.result.wasted_at_peak), base::human_size(best.memory()));
  return fmt::format(
      "{} faults become {}; the kernel's part of the program's time falls from {:.1f} % to {:.1f} %",
      now.result.minor_faults, best.result.minor_faults, share(now.kernel_ns(), advice.cpu_ns(now)),
      share(best.kernel_ns(), advice.cpu_ns(best)));
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

std::vector<std::string> change_lines(const policy::Settings& from, const policy::Settings& to) {
  std::vector<std::string> lines;
  for (const policy::Attribute& file : policy::attributes()) {
    const auto chosen = [&file](const policy::Settings& s) {
      return live::chosen_word(file.show(s, file.order));
    };
    const std::string wanted = chosen(to);
    if (chosen(from) != wanted)
      lines.push_back(fmt::format("echo {} > /sys/kernel/mm/transparent_hugepage/{}", wanted, file.path));
  }
  return lines;
}

std::string advice_text(const Advice& advice, const std::string& program) {
  std::string text = fmt::format("{} · {} of its own time recorded\n", trace::escape_name(program),
                                 time_text(advice.user_ns));
  text += paragraph("VERDICT", verdict(advice));
  text += paragraph("CONFIDENCE", confidence(advice));
  text += fmt::format("\n {:<{}} {:>6} {:>10} {:>9} {:>9} {:>9}\n", "", kNameWidth, "time", "in kernel",
                      "p99 fault", "memory", "faults");
  for (const Candidate* const c : rows_of(advice)) text += row(advice, *c);
  text += "\n" + paragraph("WHY", why(advice));
  if (advice.leave()) return text;
  const Candidate& best = advice.recommended();
  text += lines_of("DO", change_lines(advice.now().settings, best.settings));
  text += lines_of("TO KEEP", {policy::canonical(best.settings)});
  text += paragraph("", "on the kernel's command line");
  text += paragraph("SCOPE", "every program of this host; memory touched from now on");
  text += lines_of("UNDO", change_lines(best.settings, advice.now().settings));
  text += paragraph("RISK",
                    "a host too fragmented for a size falls back to smaller ones; what fewer TLB misses save "
                    "is not in these times");
  return text;
}

nlohmann::ordered_json advice_json(const Advice& advice) {
  nlohmann::ordered_json json{
      {"verdict", advice.leave() ? "leave" : "use"},
      {"policy",
       advice.leave() ? nlohmann::ordered_json() : nlohmann::ordered_json(advice.recommended().policy)},
      {"confidence", word_of(advice.confidence)},
      {"doubts", texts_json(advice.doubts)},
      {"user_ns", static_cast<std::uint64_t>(advice.user_ns)},
      {"do", nlohmann::ordered_json::array()},
      {"undo", nlohmann::ordered_json::array()}};
  for (const auto& line : change_lines(advice.now().settings, advice.recommended().settings))
    json["do"].push_back(line);
  for (const auto& line : change_lines(advice.recommended().settings, advice.now().settings))
    json["undo"].push_back(line);
  json["pareto"] = nlohmann::ordered_json::array();
  for (const std::size_t i : advice.pareto) json["pareto"].push_back(advice.candidates[i].policy);
  json["candidates"] = nlohmann::ordered_json::array();
  for (const Candidate& c : advice.candidates) {
    nlohmann::ordered_json one{{"policy", c.policy}, {"canonical", policy::canonical(c.settings)}};
    one.update(json_of(sheet_of(c.result)));
    json["candidates"].push_back(std::move(one));
  }
  return json;
}

}  // namespace quire::report
