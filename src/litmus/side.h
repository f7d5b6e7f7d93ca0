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
  // The pages of a live process; `folio` holds anything that tells folios apart.
  [[nodiscard]] virtual Result<std::vector<Page>, Diagnostic> pages(const std::string& process,
                                                                    VirtRange range) = 0;
  // Every counter this side has.
  [[nodiscard]] virtual Counts counters() = 0;
  // A hash of each page's bytes; nothing where they cannot be read.
  [[nodiscard]] virtual std::vector<std::optional<std::uint64_t>> contents(const std::string& process,
                                                                           VirtRange range) = 0;
};

// Performs all steps and notes what is seen after each.
[[nodiscard]] Result<Recording, Diagnostic> record(const Experiment& experiment, Side& side);

}  // namespace quire::litmus
