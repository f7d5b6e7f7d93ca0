#include "litmus/shrink.h"

#include <algorithm>

#include "litmus/names.h"

namespace quire::litmus {
namespace {

// Does what a step names still make sense when others are gone?
bool is_sound(const Experiment& experiment) { return check_names(experiment, "").has_value(); }

Range* range_of(Action& action) {
  return std::visit(
      [](auto& a) -> Range* {
        if constexpr (requires { a.range.begin; }) {
          return &a.range;
        } else {
          return nullptr;
        }
      },
      action);
}

class Shrinker {
 public:
  Shrinker(Experiment experiment, const Shows& shows, unsigned tries)
      : best_(std::move(experiment)), shows_(shows), tries_(tries) {}

  Experiment run() {
    bool smaller = true;
    while (smaller && tries_ != 0) {
      smaller = fewer_steps();
      smaller = fewer_processes() || smaller;
      smaller = fewer_settings() || smaller;
      smaller = smaller_ranges() || smaller;
    }
    return std::move(best_);
  }

 private:
  // Takes the candidate when it still shows it.
  bool take(Experiment candidate) {
    if (tries_ == 0 || candidate == best_ || !is_sound(candidate)) return false;
    --tries_;
    if (!shows_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  // Runs of steps, long ones first, from the end: late steps need early ones.
  bool fewer_steps() {
    bool any = false;
    for (std::size_t run = std::max<std::size_t>(best_.steps.size() / 2, 1); run != 0; run /= 2) {
      for (std::size_t end = best_.steps.size(); end >= run; end = std::min(end - 1, best_.steps.size())) {
        Experiment candidate = best_;
        const auto last = candidate.steps.begin() + static_cast<std::ptrdiff_t>(end);
        candidate.steps.erase(last - static_cast<std::ptrdiff_t>(run), last);
        any = take(std::move(candidate)) || any;
        if (end == 0 || tries_ == 0) break;
      }
    }
    return any;
  }

  // A child, with everything that it and its own children do.
  bool fewer_processes() {
    bool any = false;
    for (std::size_t i = best_.steps.size(); i-- > 0;) {
      if (i >= best_.steps.size()) continue;
      const auto* const fork = std::get_if<Fork>(&best_.steps[i].action);
      if (fork != nullptr) any = take(without(fork->child)) || any;
    }
    return any;
  }
  [[nodiscard]] Experiment without(const std::string& process) const {
    std::vector<std::string> gone{process};
    Experiment candidate = best_;
    std::erase_if(candidate.steps, [&](const Step& step) {
      const bool by_gone = std::ranges::find(gone, step.process) != gone.end();
      const auto* const fork = std::get_if<Fork>(&step.action);
      if (fork != nullptr && by_gone) gone.push_back(fork->child);
      return by_gone || (fork != nullptr && fork->child == process);
    });
    return candidate;
  }

  bool fewer_settings() {
    bool any = false;
    for (std::size_t i = best_.settings.size(); i-- > 0;) {
      Experiment candidate = best_;
      candidate.settings.erase(candidate.settings.begin() + static_cast<std::ptrdiff_t>(i));
      any = take(std::move(candidate)) || any;
    }
    return any;
  }

  // Half of a range, either half, then a page less.
  bool smaller_ranges() {
    bool any = false;
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      while (take_smaller(i)) any = true;
    }
    return any;
  }
  bool take_smaller(std::size_t i) {
    const Range* const range = range_of(best_.steps[i].action);
    if (range == nullptr || range->extent != Range::Extent::kLength) return false;
    const std::uint64_t n = range->length.raw() / kPageSize;
    if (n < 2) return false;
    return take(with_range(i, 0, n / 2)) || take(with_range(i, n / 2, n - n / 2)) ||
           take(with_range(i, 0, n - 1)) || take(with_range(i, 1, n - 1));
  }
  [[nodiscard]] Experiment with_range(std::size_t i, std::uint64_t skip, std::uint64_t n) const {
    Experiment candidate = best_;
    Range& range = *range_of(candidate.steps[i].action);
    range.begin.offset = range.begin.offset + PageCount(skip).bytes();
    range.length = PageCount(n).bytes();
    return candidate;
  }

  Experiment best_;
  const Shows& shows_;
  unsigned tries_;
};

}  // namespace

Experiment shrink(Experiment experiment, const Shows& shows, unsigned tries) {
  return Shrinker(std::move(experiment), shows, tries).run();
}

}  // namespace quire::litmus
