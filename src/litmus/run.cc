#include "litmus/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "litmus/confirm.h"
#include "litmus/engine_side.h"
#include "litmus/parse.h"
#include "litmus/stored.h"

namespace quire::litmus {
namespace {

void add(std::vector<Finding>& to, const std::string& side, std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    finding.what = side + ": " + finding.what;
    to.push_back(std::move(finding));
  }
}

// A side that cannot even begin has an empty recording that says so.
Result<Recording, Diagnostic> record_on(const Experiment& experiment,
                                        Result<std::unique_ptr<Side>, Diagnostic> side) {
  if (side) return record(experiment, **side);
  if (side.error().kind != Diagnostic::Kind::kPrivilege) return fail(side.error());
  Recording recording;
  recording.side = side.error().where;
  recording.unable = side.error();
  return recording;
}

}  // namespace

Result<Runner, Diagnostic> Runner::open(On on) {
  if (on == On::kEngine) return Runner(on, std::nullopt);
  return Runner(on, QUIRE_TRY(KernelHost::open()));
}

Result<Verdict, Diagnostic> Runner::run(const std::string& file) {
  Verdict verdict;
  verdict.file = file;
  verdict.experiment = QUIRE_TRY(read_experiment(file));
  if (!host_) {
    verdict.kernel = QUIRE_TRY(load_stored(file, verdict.experiment));
    verdict.kernel_is_stored = verdict.kernel.has_value();
  }
  return judge(std::move(verdict));
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
  add(findings, "kernel", check(verdict.experiment, *verdict.kernel));
  if (verdict.engine) add(findings, "both", compare(verdict.experiment, *verdict.engine, *verdict.kernel));
  return findings;
}

Result<Verdict, Diagnostic> Runner::judge(Verdict verdict) {
  if (on_ != On::kKernel) {
    verdict.engine = QUIRE_TRY(record_on(verdict.experiment, engine_side(verdict.experiment)));
    add(verdict.findings, "engine", check(verdict.experiment, *verdict.engine));
  }
  if (host_) {
    auto findings = QUIRE_TRY(confirmed_findings([&] { return kernel_findings(verdict); }));
    std::ranges::move(findings, std::back_inserter(verdict.findings));
  } else if (verdict.kernel) {
    add(verdict.findings, "stored", compare(verdict.experiment, *verdict.engine, *verdict.kernel));
  }
  for (const auto* const recording : {&verdict.engine, &verdict.kernel})
    if (*recording && (*recording)->unable) verdict.unable.push_back((*recording)->unable->line());
  verdict.kind = !verdict.findings.empty() ? Verdict::Kind::kFails
                 : !verdict.unable.empty() ? Verdict::Kind::kUnable
                                           : Verdict::Kind::kHolds;
  return verdict;
}

}  // namespace quire::litmus
