// litmus/run.h - runs a file and says whether it holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "litmus/check.h"
#include "litmus/experiment.h"
#include "litmus/kernel_side.h"
#include "litmus/observation.h"

namespace quire::litmus {

enum class On : std::uint8_t { kEngine, kKernel, kBoth };

struct Verdict {
  enum class Kind : std::uint8_t {
    kHolds,
    kFails,
    kUnable,  // nothing wrong was found, but a side cannot do all of it
  };
  Kind kind = Kind::kHolds;
  std::string file;
  Experiment experiment;
  std::optional<Recording> engine, kernel;
  bool kernel_is_stored = false;
  std::vector<Finding> findings;  // each says which side
  std::vector<std::string> unable;
};

// Runner runs files one after the other, each in fresh programs on a fresh
// machine.
class Runner {
 public:
  // kPrivilege when the kernel is wanted and this host does not allow it.
  [[nodiscard]] static Result<Runner, Diagnostic> open(On on);

  // A Diagnostic when the file is no experiment, or a side broke down. The
  // engine is also held against a kernel's result that is stored beside the
  // file, when this kernel is not asked.
  [[nodiscard]] Result<Verdict, Diagnostic> run(const std::string& file);
  // The same for text that is in no file, with nothing stored.
  [[nodiscard]] Result<Verdict, Diagnostic> run(const Experiment& experiment);

 private:
  Runner(On on, std::optional<KernelHost> host) : on_(on), host_(std::move(host)) {}
  [[nodiscard]] Result<Verdict, Diagnostic> judge(Verdict verdict);
  [[nodiscard]] Result<std::vector<Finding>, Diagnostic> kernel_findings(Verdict& verdict);

  On on_;
  std::optional<KernelHost> host_;
};

}  // namespace quire::litmus
