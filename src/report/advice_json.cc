#include <cmath>
#include <nlohmann/json.hpp>

#include "policy/parse.h"
#include "report/advice.h"
#include "report/advice_words.h"
#include "report/document.h"
#include "report/figures.h"

namespace quire::report {

using lab::Candidate;
using lab::Scope;

namespace {

nlohmann::ordered_json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json variant_json(const lab::Variant& variant) {
  nlohmann::ordered_json json{{"name", variant.name},
                              {"today", variant.today},
                              {"canonical", policy::canonical(variant.settings)},
                              {"missing", text_or_null(variant.missing)},
                              {"caveat", text_or_null(variant.caveat)}};
  if (variant.result) json.update(json_of(sheet_of(*variant.result)));
  return json;
}

nlohmann::ordered_json ablation_json(const lab::Variant& variant, const lab::ReplayResult& beside) {
  nlohmann::ordered_json json = variant_json(variant);
  if (!variant.result) return json;
  json["kernel_ns_difference"] = std::llround(variant.result->bill.kernel_ns - beside.bill.kernel_ns);
  json["peak_resident_bytes_difference"] =
      static_cast<std::int64_t>(variant.result->peak_resident.raw() - beside.peak_resident.raw());
  return json;
}

}  // namespace

nlohmann::ordered_json advice_json(const lab::Advice& advice) {
  nlohmann::ordered_json json{
      {"verdict", advice.leave() ? "leave" : "use"},
      {"scope", advice.leave() ? nlohmann::ordered_json()
                               : nlohmann::ordered_json(lab::name_of(advice.recommended().change.scope))},
      {"change",
       advice.leave() ? nlohmann::ordered_json() : nlohmann::ordered_json(name_of(advice.recommended()))},
      {"policy", advice.leave() || !concerns_host(advice.recommended())
                     ? nlohmann::ordered_json()
                     : nlohmann::ordered_json(advice.recommended().policy)},
      {"confidence", word_of(advice.confidence)},
      {"doubts", texts_json(advice.doubts)},
      {"user_ns", static_cast<std::uint64_t>(advice.user_ns)},
      {"do", nlohmann::ordered_json::array()},
      {"undo", nlohmann::ordered_json::array()}};
  for (const auto& line : do_lines(advice)) json["do"].push_back(line);
  for (const auto& line : undo_lines(advice)) json["undo"].push_back(line);
  const auto unless_leave = [&advice](std::string_view text) {
    return advice.leave() || text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
  };
  const Candidate& best = advice.recommended();
  json["sentence"] = verdict_of(advice);
  json["why"] = reason_of(advice);
  json["keep"] = unless_leave(boot_words(advice));
  json["needs"] = unless_leave(best.change.needs);
  json["concerns"] = unless_leave(scope_text(best.change.scope));
  json["risk"] = unless_leave(kAdviceRisk);
  json["recommended"] = advice.best;
  json["pareto"] = nlohmann::ordered_json::array();
  for (const std::size_t i : advice.pareto) {
    const Candidate& c = advice.candidates[i];
    json["pareto"].push_back(c.change.scope == Scope::kHost ? c.policy : c.change.name);
  }
  json["candidates"] = nlohmann::ordered_json::array();
  for (const Candidate& c : advice.candidates) {
    nlohmann::ordered_json one{{"scope", lab::name_of(c.change.scope)},
                               {"change", name_of(c)},
                               {"policy", c.policy},
                               {"canonical", policy::canonical(c.settings)}};
    one.update(json_of(sheet_of(c.result)));
    json["candidates"].push_back(std::move(one));
  }
  json["baselines"] = nlohmann::ordered_json::array();
  for (const lab::Variant& v : advice.baselines) json["baselines"].push_back(variant_json(v));
  json["ablation"] = nlohmann::ordered_json::array();
  for (const lab::Variant& v : advice.ablation) json["ablation"].push_back(ablation_json(v, best.result));
  return json;
}

}  // namespace quire::report
