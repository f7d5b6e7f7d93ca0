#include <nlohmann/json.hpp>

#include "policy/parse.h"
#include "report/advice.h"
#include "report/advice_words.h"
#include "report/document.h"
#include "report/figures.h"

namespace quire::report {

using lab::Candidate;
using lab::Scope;

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
  return json;
}

}  // namespace quire::report
