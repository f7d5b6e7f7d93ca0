#include <algorithm>

#include "litmus/side.h"

namespace quire::litmus {
namespace {

// One experiment on one side, as it goes.
class Recorder {
 public:
  Recorder(const Experiment& experiment, Side& side, Look look)
      : experiment_(experiment), names_(experiment), side_(side), look_(look), before_(side.counters()) {
    recording_.side = side.name();
    recording_.counters.insert(side.counter_names().begin(), side.counter_names().end());
    for (const Names::Block& block : names_.blocks())
      if (look == Look::kEverything || !is_shown(block.range)) blocks_.push_back(block);
  }

  Result<Recording, Diagnostic> run() {
    for (std::size_t i = 0; i < experiment_.steps.size(); ++i) {
      auto seen = step(i);
      if (!seen && seen.error().kind == Diagnostic::Kind::kPrivilege) {
        recording_.unable = std::move(seen.error());
        return std::move(recording_);
      }
      recording_.steps.push_back(QUIRE_TRY(std::move(seen)));
    }
    note_contents();
    return std::move(recording_);
  }

 private:
  Result<Observation, Diagnostic> step(std::size_t i) {
    const Step& step = experiment_.steps[i];
    Observation seen;
    // Nobody is there to perform the step: killed before, which the file may not expect.
    seen.ending = lives_.has(step.process) ? QUIRE_TRY(side_.perform(step, names_))
                                           : Ending{.ends = errno_name(Errno::kSrch)};
    seen.moved = moved();
    seen.limited = side_.limited();
    const bool no_child = std::holds_alternative<Fork>(step.action) && !seen.ending.ends.empty();
    if (!no_child) lives_.after(step);
    for (const std::string& killed : seen.ending.killed) lives_.end(killed);
    const bool last = i + 1 == experiment_.steps.size();
    const bool check_each = look_ == Look::kEverything || look_ == Look::kAtTheEnd;
    if (check_each || last) QUIRE_TRY(side_.check());
    const bool look_each = look_ == Look::kEverything || look_ == Look::kOutermost;
    if (!look_each && !last) return seen;
    for (const std::string& process : lives_.alive()) {
      for (const Names::Block& block : blocks_) {
        if (block.step > i) continue;
        seen.views.push_back({process, block.name, block.range, QUIRE_TRY(side_.pages(process, block.range)),
                              side_.cont(process, block.range)});
      }
    }
    numbers_.apply(seen.views);
    return seen;
  }

  [[nodiscard]] bool is_shown(VirtRange range) const {
    return std::ranges::any_of(blocks_, [&](const Names::Block& b) { return b.range.covers(range); });
  }

  // The counters that are others than after the step before.
  Counts moved() {
    Counts moved;
    const std::vector<std::int64_t> now = side_.counters();
    for (std::size_t i = 0; i < now.size(); ++i)
      if (now[i] != before_[i]) moved[side_.counter_names()[i]] = now[i] - before_[i];
    before_ = now;
    return moved;
  }

  void note_contents() {
    if (recording_.steps.empty()) return;
    for (const View& view : recording_.steps.back().views) {
      if (!view.pages.any_bytes()) continue;
      const auto hashes = side_.contents(view.process, view.range);
      std::uint64_t n = 0;
      view.pages.for_each([&](const Page& page) {
        if (page.has_bytes() && hashes[n])
          recording_.contents.push_back({view.process, view.range.begin + PageCount(n), *hashes[n]});
        ++n;
      });
    }
  }

  const Experiment& experiment_;
  const Names names_;
  Side& side_;
  const Look look_;
  Recording recording_;
  std::vector<Names::Block> blocks_;
  std::vector<std::int64_t> before_;
  Lives lives_;
  FolioNumbers numbers_;
};

}  // namespace

Result<Recording, Diagnostic> record(const Experiment& experiment, Side& side, Look look) {
  return Recorder(experiment, side, look).run();
}

Result<Recording, Diagnostic> record_on(const Experiment& experiment,
                                        Result<std::unique_ptr<Side>, Diagnostic> side) {
  if (side) return record(experiment, **side);
  if (side.error().kind != Diagnostic::Kind::kPrivilege) return fail(side.error());
  Recording recording;
  recording.side = side.error().where;
  recording.unable = side.error();
  return recording;
}

}  // namespace quire::litmus
