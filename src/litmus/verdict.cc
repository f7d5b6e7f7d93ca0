#include "litmus/verdict.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "arch/native.h"
#include "litmus/draw.h"
#include "litmus/engine_side.h"
#include "litmus/parse.h"
#include "litmus/recording_json.h"
#include "litmus/side.h"
#include "litmus/stored.h"

namespace quire::litmus {

const char* word_of(Verdict::Kind kind) {
  return kind == Verdict::Kind::kHolds ? "holds" : kind == Verdict::Kind::kFails ? "FAILS" : "unable";
}

void add(std::vector<Finding>& to, const std::string& side, std::vector<Finding> more) {
  for (Finding& finding : more) {
    finding.what = side + ": " + finding.what;
    to.push_back(std::move(finding));
  }
}

Result<void, Diagnostic> Verdict::ask_engine() {
  engine = QUIRE_TRY(record_on(experiment, engine_side(experiment)));
  add(findings, "engine", wrong_with(experiment, *engine));
  if (kernel_is_stored) add(findings, "stored", differences_to_kernel(experiment, *engine, *kernel));
  return {};
}

void Verdict::conclude() {
  for (const auto* const recording : {&engine, &kernel})
    if (*recording && (*recording)->unable) unable.push_back((*recording)->unable->line());
  kind = !findings.empty() ? Kind::kFails : !unable.empty() ? Kind::kUnable : Kind::kHolds;
}

Result<Verdict, Diagnostic> open_experiment(const std::string& file, std::string_view text) {
  Verdict verdict;
  verdict.file = file;
  verdict.experiment = QUIRE_TRY(parse(text, file));
  // What is stored is of kernels with pages of 4 KiB.
  if (kPageShift == 12) verdict.kernel = QUIRE_TRY(load_stored(file, verdict.experiment));
  verdict.kernel_is_stored = verdict.kernel.has_value();
  return verdict;
}

std::string to_text(const Verdict& verdict, Layout layout) {
  if (!verdict.told.empty())
    return nlohmann::ordered_json::parse(verdict.told).value(layout == Layout::kShow ? "layout" : "text", "");
  std::string text = fmt::format("{:<6} {}{}\n", word_of(verdict.kind), verdict.file,
                                 verdict.kernel_is_stored ? " (and as stored)" : "");
  for (const Finding& finding : verdict.findings)
    text += fmt::format("  {}:{}: {}\n", verdict.file, finding.where.line, finding.what);
  for (const std::string& reason : verdict.unable) text += fmt::format("  {}\n", reason);
  if (layout == Layout::kHide) return text;
  for (const auto* const recording : {&verdict.engine, &verdict.kernel}) {
    if (!*recording) continue;
    text += fmt::format("  on {}:\n{}", (*recording)->side, layout_text(verdict.experiment, **recording));
  }
  return text;
}

nlohmann::ordered_json to_json(const Verdict& verdict) {
  using Json = nlohmann::ordered_json;
  if (!verdict.told.empty()) {
    Json json = Json::parse(verdict.told);
    json.erase("text");
    json.erase("layout");
    return json;
  }
  Json json{{"file", verdict.file},
            {"verdict", word_of(verdict.kind)},
            {"arch", arch::Native::kName},
            {"about", verdict.experiment.about},
            {"rules", verdict.experiment.rules},
            {"findings", Json::array()},
            {"unable", verdict.unable}};
  for (const Finding& finding : verdict.findings)
    json["findings"].push_back({{"line", finding.where.line}, {"what", finding.what}});
  if (verdict.engine) json["engine"] = to_json(verdict.experiment, *verdict.engine, Views::kAll);
  if (verdict.kernel) json["kernel"] = to_json(verdict.experiment, *verdict.kernel, Views::kAll);
  json["kernel_is_stored"] = verdict.kernel_is_stored;
  return json;
}

}  // namespace quire::litmus
