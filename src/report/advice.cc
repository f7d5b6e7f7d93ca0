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
using lab::Scope;

constexpr std::size_t kMostRows = 4;
constexpr std::size_t kWidth = 78;
constexpr std::size_t kTitleWidth = 11;
constexpr std::size_t kNameWidth = 22;

constexpr const char* kRisk =
    "a host too fragmented for a size falls back to smaller ones; what fewer TLB misses save is not in "
    "these times";

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

// "16K-512K,2M": the sizes that every program gets; empty when none does.
std::string sizes_for_all(std::string_view canonical) {
  constexpr std::string_view kBegin = "thp_anon=";
  constexpr std::string_view kEnd = ":always";
  const std::size_t end = canonical.find(kEnd);
  if (!canonical.starts_with(kBegin) || end == std::string_view::npos) return "";
  const std::string_view before = canonical.substr(kBegin.size(), end - kBegin.size());
  return std::string(before.substr(before.rfind(';') + 1));
}

// "64K", or all that --policy would be given.
std::string short_name(const policy::Settings& settings) {
  if (std::ranges::all_of(settings.size, [](auto e) { return e == policy::SizeEnabled::never; })) return "4K";
  const std::string text = policy::canonical(settings);
  const bool all = text.find_first_of(" ;") == std::string::npos;
  return all && !sizes_for_all(text).empty() ? sizes_for_all(text) : text;
}

// A change of the program has a name of its own; one of the host is what it gives every program.
std::string name_of(const Candidate& c) {
  if (c.change.scope != Scope::kHost) return c.change.name;
  const std::string sizes = c.policy == "now" ? "" : sizes_for_all(policy::canonical(c.settings));
  return sizes.empty() ? short_name(c.settings) : sizes;
}

std::string name_of(const Advice& advice, const Candidate& c) {
  const std::string name = name_of(c);
  return &c == &advice.now() ? "now: " + name : name;
}

std::string row(const Advice& advice, const Candidate& c, Ink ink) {
  const double now = advice.cpu_ns(advice.now());
  const bool recommended = &c == &advice.recommended();
  std::string name = name_of(advice, c);
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

std::string verdict(const Advice& advice) {
  if (advice.leave()) return "leave it alone: nothing that could be set is worth setting";
  const Candidate& best = advice.recommended();
  switch (best.change.scope) {
    case Scope::kHost:
      return fmt::format("use {} on this host", name_of(best));
    case Scope::kAdvised:
      return fmt::format("offer {}, and let this program ask", name_of(best));
    case Scope::kService:
      return fmt::format("{} for this service; leave the host alone", name_of(best));
    case Scope::kRuntime:
      return fmt::format("{} for this program; leave the host alone", name_of(best));
    case Scope::kMapping:
      return fmt::format("{} in this program; leave the host alone", name_of(best));
  }
  return "";
}

double share(double part, double whole) { return whole > 0 ? part * 100 / whole : 0; }

std::string why(const Advice& advice) {
  const Candidate& now = advice.now();
  if (advice.leave()) {
    const Candidate& fastest = advice.candidates[advice.pareto.front()];
    const double saved = std::max(now.kernel_ns() - fastest.kernel_ns(), 0.0);
    return fmt::format("the fastest, {}, would save {} of {} of processor time ({:.1f} %)", name_of(fastest),
                       time_text(saved), time_text(advice.cpu_ns(now)), share(saved, advice.cpu_ns(now)));
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

namespace {

bool concerns_host(const Candidate& c) { return c.change.scope >= Scope::kAdvised; }

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<std::string> do_lines(const Advice& advice) {
  const Candidate& best = advice.recommended();
  return joined(change_lines(advice.now().settings, best.settings), best.change.lines);
}

std::vector<std::string> undo_lines(const Advice& advice) {
  const Candidate& best = advice.recommended();
  return joined(best.change.undo, change_lines(best.settings, advice.now().settings));
}

// What keeps the host so over a reboot; empty where nothing of it changes, or the kernel knows no such words.
std::string boot_words(const Advice& advice) {
  const Candidate& best = advice.recommended();
  const bool can = concerns_host(best) && advice.kernel >= policy::kHasThpAnon;
  return can ? policy::canonical(best.settings) : "";
}

std::string_view scope_text(Scope scope) {
  switch (scope) {
    case Scope::kMapping:
      return "the mappings that are advised, in this program";
    case Scope::kRuntime:
      return "this program and what it starts, from its next start on";
    case Scope::kService:
      return "this service and what it starts; needs a restart";
    case Scope::kAdvised:
      return "this program from its next start on, and others that call madvise";
    case Scope::kHost:
      break;
  }
  return "every program of this host; memory touched from now on";
}

}  // namespace

std::string advice_text(const Advice& advice, const std::string& program, Ink ink) {
  std::string text = fmt::format("{} · {} of its own time recorded\n", trace::escape_name(program),
                                 time_text(advice.user_ns));
  text += ink.strong(paragraph("VERDICT", verdict(advice)));
  text += ink.faint(paragraph("CONFIDENCE", confidence(advice)));
  text += fmt::format("\n {:<{}} {:>6} {:>10} {:>9} {:>9} {:>9}\n", "", kNameWidth, "time", "in kernel",
                      "p99 fault", "memory", "faults");
  for (const Candidate* const c : rows_of(advice)) text += row(advice, *c, ink);
  text += "\n" + paragraph("WHY", why(advice));
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
  text += paragraph("RISK", kRisk);
  return text;
}

nlohmann::ordered_json advice_json(const Advice& advice) {
  nlohmann::ordered_json json{
      {"verdict", advice.leave() ? "leave" : "use"},
      {"scope", advice.leave() ? nlohmann::ordered_json()
                               : nlohmann::ordered_json(lab::name_of(advice.recommended().change.scope))},
      {"change",
       advice.leave() ? nlohmann::ordered_json() : nlohmann::ordered_json(name_of(advice.recommended()))},
      {"policy", advice.leave() || !concerns_host(advice.recommended())
                     ? nlohmann::ordered_json()
                     : nlohmann::ordered_json(advice.recommended().policy)},
      {"confidence", word_of(advice.confidence)},
      {"doubts", texts_json(advice.doubts)},
      {"user_ns", static_cast<std::uint64_t>(advice.user_ns)},
      {"do", nlohmann::ordered_json::array()},
      {"undo", nlohmann::ordered_json::array()}};
  for (const auto& line : do_lines(advice)) json["do"].push_back(line);
  for (const auto& line : undo_lines(advice)) json["undo"].push_back(line);
  const auto unless_leave = [&advice](std::string_view text) {
    return advice.leave() || text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
  };
  const Candidate& best = advice.recommended();
  json["sentence"] = verdict(advice);
  json["why"] = why(advice);
  json["keep"] = unless_leave(boot_words(advice));
  json["needs"] = unless_leave(best.change.needs);
  json["concerns"] = unless_leave(scope_text(best.change.scope));
  json["risk"] = unless_leave(kRisk);
  json["recommended"] = advice.best;
  json["pareto"] = nlohmann::ordered_json::array();
  for (const std::size_t i : advice.pareto) {
    const Candidate& c = advice.candidates[i];
    json["pareto"].push_back(c.change.scope == Scope::kHost ? c.policy : c.change.name);
  }
  json["candidates"] = nlohmann::ordered_json::array();
  for (const Candidate& c : advice.candidates) {
    nlohmann::ordered_json one{{"scope", lab::name_of(c.change.scope)},
                               {"change", name_of(c)},
                               {"policy", c.policy},
                               {"canonical", policy::canonical(c.settings)}};
    one.update(json_of(sheet_of(c.result)));
    json["candidates"].push_back(std::move(one));
  }
  return json;
}

}  // namespace quire::report
