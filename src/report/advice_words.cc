#include "report/advice_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "live/host.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "report/advice.h"
#include "report/figure.h"

namespace quire::report {

using lab::Advice;
using lab::Candidate;
using lab::Confidence;
using lab::Scope;

namespace {

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

double share(double part, double whole) { return whole > 0 ? part * 100 / whole : 0; }

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

std::string time_text(double ns) {
  return text_of(Figure{"", "", static_cast<std::uint64_t>(ns), Unit::kNanoseconds});
}

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

std::string name_of(const Candidate& c) {
  if (c.change.scope != Scope::kHost) return c.change.name;
  const std::string sizes = c.policy == "now" ? "" : sizes_for_all(policy::canonical(c.settings));
  return sizes.empty() ? short_name(c.settings) : sizes;
}

bool concerns_host(const Candidate& c) { return c.change.scope >= Scope::kAdvised; }

std::string verdict_of(const Advice& advice) {
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

std::string reason_of(const Advice& advice) {
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

std::vector<std::string> do_lines(const Advice& advice) {
  const Candidate& best = advice.recommended();
  return joined(change_lines(advice.now().settings, best.settings), best.change.lines);
}

std::vector<std::string> undo_lines(const Advice& advice) {
  const Candidate& best = advice.recommended();
  return joined(best.change.undo, change_lines(best.settings, advice.now().settings));
}

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

}  // namespace quire::report
