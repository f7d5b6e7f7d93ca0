#include "oracle/run.h"

#include <algorithm>

#include "arch/native.h"
#include "litmus/parse.h"
#include "litmus/settings_of.h"
#include "litmus/side.h"
#include "oracle/confirm.h"
#include "oracle/elsewhere.h"

namespace quire::litmus {
Result<Runner, Diagnostic> Runner::open(On on, std::string arch) {
  if (on == On::kEngine) return Runner(on, std::move(arch), std::nullopt);
  return Runner(on, std::move(arch), QUIRE_TRY(KernelHost::open()));
}

Result<Verdict, Diagnostic> Runner::run(const std::string& file) {
  const std::string text = QUIRE_TRY(read_text(file));
  std::string arch = arch_named_in(text);
  if (arch.empty()) arch = arch_;
  if (!arch.empty() && arch != arch::Native::kName) return run_elsewhere(arch, file);
  Verdict verdict = QUIRE_TRY(open_experiment(file, text));
  if (host_) {
    verdict.kernel.reset();  // it is asked anew
    verdict.kernel_is_stored = false;
  }
  return judge(std::move(verdict));
}

Result<Verdict, Diagnostic> Runner::run_elsewhere(const std::string& arch, const std::string& file) const {
  if (on_ == On::kEngine) return ask_elsewhere(arch, file);
  Verdict verdict;
  if (on_ == On::kBoth) verdict = QUIRE_TRY(ask_elsewhere(arch, file));
  verdict.file = file;
  verdict.unable.push_back("kernel: the experiment is for " + arch);
  if (verdict.kind == Verdict::Kind::kHolds) verdict.kind = Verdict::Kind::kUnable;
  return verdict;
}

Result<Verdict, Diagnostic> Runner::run(const Experiment& experiment) {
  Verdict verdict;
  verdict.experiment = experiment;
  return judge(std::move(verdict));
}

// What is wrong with one run on the kernel, with that of the engine beside it.
Result<std::vector<Finding>, Diagnostic> Runner::kernel_findings(Verdict& verdict) {
  verdict.kernel = QUIRE_TRY(record_on(verdict.experiment, host_->side(verdict.experiment)));
  std::vector<Finding> findings;
  auto wrong = wrong_with(verdict.experiment, *verdict.kernel);
  if (serves_everybody(verdict.experiment)) std::erase_if(wrong, is_about_a_counter);
  add(findings, "kernel", std::move(wrong));
  if (verdict.engine)
    add(findings, "both", differences_to_kernel(verdict.experiment, *verdict.engine, *verdict.kernel));
  return findings;
}

Result<Verdict, Diagnostic> Runner::judge(Verdict verdict) {
  if (on_ != On::kKernel) QUIRE_TRY(verdict.ask_engine());
  if (host_) {
    auto findings = QUIRE_TRY(confirmed_findings([&] { return kernel_findings(verdict); }));
    std::ranges::move(findings, std::back_inserter(verdict.findings));
  }
  verdict.conclude();
  return verdict;
}

}  // namespace quire::litmus
