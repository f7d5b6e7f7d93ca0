#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "litmus/check.h"
#include "litmus/names.h"
#include "litmus/print.h"
#include "litmus/settings_of.h"

namespace quire::litmus {
namespace {

std::string ending_text(const Ending& e) {
  std::string text = fmt::format("{}, {} faults, {} major faults, {} signals, {} wrong bytes",
                                 e.ends.empty() ? "success" : e.ends, e.faults, e.majors, e.bad, e.wrong);
  if (!e.killed.empty()) text += fmt::format(", killed: {}", fmt::join(e.killed, ", "));
  return text;
}

// Two recordings of one experiment, side by side.
class Comparison {
 public:
  Comparison(const Experiment& experiment, const Recording& a, const Recording& b)
      : experiment_(experiment), names_(experiment), a_(a), b_(b), limit_(experiment.limit) {}

  std::vector<Finding> run() {
    const std::size_t steps = std::min(a_.steps.size(), b_.steps.size());
    for (std::size_t i = 0; i < steps && certain_ == 0; ++i) step(i);
    if (certain_ == 0 && a_.steps.size() == b_.steps.size()) contents();
    return std::move(findings_);
  }

 private:
  void differ(const std::string& what, const std::string& a, const std::string& b, Evidence evidence) {
    findings_.push_back(
        {where_, fmt::format("{}: {} has {}, {} has {}", what, a_.side, a, b_.side, b), evidence});
    if (evidence == Evidence::kCertain) ++certain_;
  }

  void step(std::size_t i) {
    const Step& step = experiment_.steps[i];
    where_ = step.where;
    const Observation &a = a_.steps[i], &b = b_.steps[i];
    if (const auto* const set = std::get_if<Limit>(&step.action)) {
      // What a lower limit takes back at once is no charge that met it.
      limited_ = limited_ || set->size < *limit_;
      limit_ = set->size;
    }
    limited_ = limited_ || a.limited || b.limited;
    if (limited_) return only_forced(step, a.ending, b.ending);
    if (a.ending != b.ending)
      return differ(print(step), ending_text(a.ending), ending_text(b.ending), Evidence::kCertain);
    if (!views(a, b)) return;
    counters(a, b);
  }

  // Which pages a kernel takes first once a limit stood in the way depends on more than
  // the experiment: what is where from then on, and how many faults it cost, is not compared.
  void only_forced(const Step& step, Ending a, Ending b) {
    a.faults = b.faults = a.majors = b.majors = 0;
    if (a != b) differ(print(step), ending_text(a), ending_text(b), Evidence::kCertain);
  }

  bool views(const Observation& a, const Observation& b) {
    for (std::size_t v = 0; v < std::min(a.views.size(), b.views.size()); ++v) {
      const View &left = a.views[v], &right = b.views[v];
      if (left.pages == right.pages) continue;
      std::uint64_t n = 0;
      while (n + 1 < left.pages.size() && left.pages[n] == right.pages[n]) ++n;
      differ(left.process + ": " + names_.name_of(left.range.begin + PageCount(n)), describe(left.pages[n]),
             describe(right.pages[n]), Evidence::kCertain);
      return false;
    }
    return true;
  }

  void counters(const Observation& a, const Observation& b) {
    for (const std::string& name : a_.counters) {
      if (!b_.counters.contains(name)) continue;
      const auto moved = [&](const Observation& seen) {
        const auto found = seen.moved.find(name);
        return found == seen.moved.end() ? 0 : found->second;
      };
      if (moved(a) != moved(b))
        differ("counter " + name, fmt::format("{:+}", moved(a)), fmt::format("{:+}", moved(b)),
               Evidence::kCounter);
    }
  }

  // Pages that one side could not read are not compared. Both list them in the
  // same order.
  void contents() {
    auto right = b_.contents.begin();
    for (const Content& left : a_.contents) {
      const auto same = [&](const Content& c) { return c.addr == left.addr && c.process == left.process; };
      const auto found = std::find_if(right, b_.contents.end(), same);
      if (found == b_.contents.end()) continue;
      right = found + 1;
      if (found->hash == left.hash) continue;
      return differ(fmt::format("the bytes of {} in {} at the end", names_.name_of(left.addr), left.process),
                    fmt::format("{:016x}", left.hash), fmt::format("{:016x}", found->hash),
                    Evidence::kCertain);
    }
  }

  const Experiment& experiment_;
  const Names names_;
  const Recording &a_, &b_;
  std::optional<ByteCount> limit_;
  Where where_;
  std::size_t certain_ = 0;
  bool limited_ = false;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> compare(const Experiment& experiment, const Recording& a, const Recording& b) {
  return Comparison(experiment, a, b).run();
}

std::vector<Finding> differences_to_kernel(const Experiment& experiment, const Recording& engine,
                                           const Recording& kernel) {
  std::vector<Finding> findings = compare(experiment, engine, kernel);
  if (serves_everybody(experiment)) std::erase_if(findings, is_about_a_counter);
  return findings;
}

}  // namespace quire::litmus
