#include "report/html/run.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <optional>

#include "report/document.h"
#include "report/html/escape.h"
#include "report/html/run_check.h"

namespace quire::report {
namespace {

constexpr int kMostDepth = 32;  // no answer is nested deeper than 7

std::unexpected<Diagnostic> damaged(const std::string& name, std::string what, std::string hint = "") {
  return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, name, std::move(what), std::move(hint)});
}

// Where a parser stopped, without the words of the library.
Result<Json, Diagnostic> parse_json(std::string_view text, const std::string& name) {
  bool deep = false;
  const auto shallow = [&deep](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMostDepth;
    return !deep;
  };
  try {
    Json document = Json::parse(text, shallow);
    if (deep) return damaged(name, "is nested deeper than any answer of Quire");
    return document;
  } catch (const nlohmann::json::parse_error& e) {
    return damaged(name, fmt::format("no JSON: it breaks off, or is wrong, at byte {}", e.byte));
  } catch (const nlohmann::json::exception&) {
    return damaged(name, "no JSON: a number in it is out of range");
  }
}

// What is not known is null, or not there: for a report the same. No deeper than kMostDepth.
void drop_nulls(Json& json) {
  if (json.is_object()) {
    for (auto at = json.begin(); at != json.end();) at = at->is_null() ? json.erase(at) : std::next(at);
  }
  if (json.is_structured())
    for (Json& one : json) drop_nulls(one);
}

std::optional<RunKind> kind_of(const Json& document) {
  if (document.contains("advice")) return RunKind::kAdvise;
  if (document.contains("sweep")) return RunKind::kSweep;
  const auto policies = document.find("policies");
  if (policies == document.end() || !policies->is_array() || policies->empty()) return std::nullopt;
  const Json& first = policies->front();
  if (!first.is_object()) return std::nullopt;
  if (first.contains("measured")) return RunKind::kVerify;
  if (first.contains("minor_faults")) return RunKind::kReplay;
  return std::nullopt;
}

Result<void, Diagnostic> check_version(const Json& document, const std::string& name) {
  const auto version = document.find("schema_version");
  if (!document.is_object() || version == document.end() || !version->is_number_integer())
    return damaged(name, "is no answer of Quire: it has no schema_version",
                   "a RUN is the --json output of replay, advise, verify or sweep, or a recording");
  if (*version != kSchemaVersion)
    return damaged(
        name, fmt::format("is of schema version {}, this build reads {}", version->dump(), kSchemaVersion),
        "make it again with this Quire");
  return {};
}

// "mine.quire"; of a command "-- CMD".
std::string subject_of(const Json& document) {
  const auto words = [](const Json& value) {
    std::string text;
    if (value.is_string()) return shell_word(value.get<std::string>());
    for (const Json& word : value) text += (text.empty() ? "" : " ") + shell_word(word.get<std::string>());
    return text;
  };
  const auto inputs = document.find("inputs");
  if (inputs == document.end()) return "FILE";
  if (inputs->contains("path")) return words((*inputs)["path"]);
  return inputs->contains("command") ? "-- " + words((*inputs)["command"]) : "FILE";
}

// As far as an answer says how it was asked for.
std::string command_of(RunKind kind, const Json& document) {
  if (kind == RunKind::kSweep)
    return fmt::format("quire sweep FILE... --space SPACE -o {} --json", subject_of(document));
  std::string command = fmt::format("quire {} --json", name_of(kind));
  if (kind != RunKind::kAdvise)
    for (const Json& policy : document["policies"])
      command += " --policy " + shell_word(policy["policy"].get<std::string>());
  if (const auto time = document.find("system_time"); kind == RunKind::kVerify && time != document.end())
    command += " --time " + (*time)["rounds"].dump();
  return command + " " + subject_of(document);
}

}  // namespace

std::string_view name_of(RunKind kind) {
  switch (kind) {
    case RunKind::kReplay:
      return "replay";
    case RunKind::kAdvise:
      return "advise";
    case RunKind::kVerify:
      return "verify";
    case RunKind::kSweep:
      break;
  }
  return "sweep";
}

Result<Run, Diagnostic> parse_run(std::string_view text, const std::string& name) {
  Json document = QUIRE_TRY(parse_json(text, name));
  drop_nulls(document);
  QUIRE_TRY(check_version(document, name));
  const auto kind = kind_of(document);
  if (!kind)
    return damaged(name, "is an answer of Quire, but of none of replay, advise, verify and sweep",
                   "those are what a report is made of");
  if (std::string wrong = wrong_in(document, *kind); !wrong.empty()) return damaged(name, std::move(wrong));
  return Run{.kind = *kind,
             .label = {},
             .name = name,
             .hash = hash_text(XXH3_64bits(text.data(), text.size())),
             .command = command_of(*kind, document),
             .document = std::move(document)};
}

}  // namespace quire::report
