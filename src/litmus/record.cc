#include <algorithm>

#include "litmus/side.h"

namespace quire::litmus {
namespace {

Counts moved_between(const Counts& before, const Counts& after) {
  Counts moved;
  for (const auto& [name, n] : after)
    if (const auto old = before.find(name); old != before.end() && old->second != n)
      moved[name] = n - old->second;
  return moved;
}

// One experiment on one side, as it goes.
class Recorder {
 public:
  Recorder(const Experiment& experiment, Side& side)
      : experiment_(experiment), names_(experiment), side_(side) {
    recording_.side = side.name();
    before_ = side.counters();
    for (const auto& [name, n] : before_) recording_.counters.insert(name);
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
    seen.ending = QUIRE_TRY(side_.perform(step, names_));
    Counts after = side_.counters();
    seen.moved = moved_between(before_, after);
    before_ = std::move(after);
    lives_.after(step);
    for (const std::string& process : lives_.alive()) {
      for (const Names::Block& block : names_.blocks()) {
        if (block.step > i) continue;
        seen.views.push_back(
            {process, block.name, block.range, QUIRE_TRY(side_.pages(process, block.range))});
      }
    }
    number_folios(seen.views);
    return seen;
  }

  void note_contents() {
    if (recording_.steps.empty()) return;
    for (const View& view : recording_.steps.back().views) {
      if (std::ranges::none_of(view.pages, &Page::present)) continue;
      const auto hashes = side_.contents(view.process, view.range);
      for (std::size_t i = 0; i < hashes.size(); ++i)
        if (hashes[i] && view.pages[i].present())
          recording_.contents.push_back({view.process, view.range.begin + PageCount(i), *hashes[i]});
    }
  }

  const Experiment& experiment_;
  const Names names_;
  Side& side_;
  Recording recording_;
  Counts before_;
  Lives lives_;
};

}  // namespace

Result<Recording, Diagnostic> record(const Experiment& experiment, Side& side) {
  return Recorder(experiment, side).run();
}

}  // namespace quire::litmus
