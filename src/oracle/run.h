// oracle/run.h - runs a file and says whether it holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "litmus/verdict.h"
#include "oracle/kernel_side.h"

namespace quire::litmus {

enum class On : std::uint8_t { kEngine, kKernel, kBoth };

// Runner runs files one after the other, each in fresh programs on a fresh
// machine.
class Runner {
 public:
  // kPrivilege when the kernel is wanted and this host does not allow it.
  // With `arch` every file runs on the engine of that architecture, also one
  // that names none; empty: on this one's unless the file names another.
  [[nodiscard]] static Result<Runner, Diagnostic> open(On on, std::string arch = "");

  // A Diagnostic when the file is no experiment, or a side broke down. The
  // engine is also held against a kernel's result that is stored beside the
  // file, when this kernel is not asked.
  [[nodiscard]] Result<Verdict, Diagnostic> run(const std::string& file);
  // The same for text that is in no file, with nothing stored.
  [[nodiscard]] Result<Verdict, Diagnostic> run(const Experiment& experiment);

 private:
  Runner(On on, std::string arch, std::optional<KernelHost> host)
      : on_(on), arch_(std::move(arch)), host_(std::move(host)) {}
  [[nodiscard]] Result<Verdict, Diagnostic> run_elsewhere(const std::string& arch,
                                                          const std::string& file) const;
  [[nodiscard]] Result<Verdict, Diagnostic> judge(Verdict verdict);
  [[nodiscard]] Result<std::vector<Finding>, Diagnostic> kernel_findings(Verdict& verdict);

  On on_;
  std::string arch_;
  std::optional<KernelHost> host_;
};

}  // namespace quire::litmus
