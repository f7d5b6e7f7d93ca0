// litmus/side.h - something that can perform experiments: the engine, the
// running kernel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "litmus/experiment.h"
#include "litmus/names.h"
#include "litmus/observation.h"
#include "quire/result.h"

namespace quire::litmus {

// Side performs one experiment. A Diagnostic of kPrivilege says that it cannot
// do this ("not modelled by the engine yet"); any other that it failed.
class Side {
 public:
  virtual ~Side() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual Result<Ending, Diagnostic> perform(const Step& step, const Names& names) = 0;
  // Whether the side itself is whole: kFailure when what it keeps is not.
  [[nodiscard]] virtual Result<void, Diagnostic> check() { return {}; }
  // The pages of a live process; `folio` holds anything that tells folios apart.
  [[nodiscard]] virtual Result<Pages, Diagnostic> pages(const std::string& process, VirtRange range) = 0;
  // What of it the hardware may hold in blocks of entries: arm64's contiguous bit.
  [[nodiscard]] virtual std::vector<VirtRange> cont(const std::string& /*process*/, VirtRange /*range*/) {
    return {};
  }
  // The counters this side has and shows exactly, and their values in that order.
  [[nodiscard]] virtual const std::vector<std::string>& counter_names() const = 0;
  [[nodiscard]] virtual std::vector<std::int64_t> counters() = 0;
  // Whether the limit of the experiment has stood in the way of anything so far.
  [[nodiscard]] virtual bool limited() { return false; }
  // A hash of each page's bytes; nothing where they cannot be read.
  [[nodiscard]] virtual std::vector<std::optional<std::uint64_t>> contents(const std::string& process,
                                                                           VirtRange range) = 0;
};

// What is looked at after each step: every named block; only those that do not
// lie in an earlier one, which shows their pages as well; or nothing but these
// after the last step. With kOutermost the side is checked after the last step
// only: that is for two sides, where each step is checked by the other one. kCounters is
// kAtTheEnd with that: for thousands of steps.
enum class Look : std::uint8_t { kEverything, kOutermost, kAtTheEnd, kCounters };

// Performs all steps and notes what is seen after each.
[[nodiscard]] Result<Recording, Diagnostic> record(const Experiment& experiment, Side& side,
                                                   Look look = Look::kEverything);
// The same. A side that cannot even begin has an empty recording that says so.
[[nodiscard]] Result<Recording, Diagnostic> record_on(const Experiment& experiment,
                                                      Result<std::unique_ptr<Side>, Diagnostic> side);

}  // namespace quire::litmus
