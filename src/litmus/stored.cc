#include "litmus/stored.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "litmus/print.h"
#include "litmus/recording_json.h"

namespace quire::litmus {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// What is expected does not change what happens.
std::string fingerprint(Experiment experiment) {
  experiment.about.clear();
  experiment.rules.clear();
  experiment.fails.reset();
  for (Step& step : experiment.steps) {
    step.expectations.clear();
    step.ends.clear();
  }
  return fmt::format("{:016x}", hash_of(print(experiment)));
}

Diagnostic damaged(const std::string& file, std::string what) {
  return {Diagnostic::Kind::kDamagedInput, file, std::move(what),
          "quire litmus run --on both --store makes it anew"};
}

}  // namespace

std::string stored_name(const std::string& file) {
  const std::string_view ending = ".litmus";
  const std::string stem = file.ends_with(ending) ? file.substr(0, file.size() - ending.size()) : file;
  return stem + ".kernel.json";
}

Result<void, Diagnostic> store(const std::string& file, const Experiment& experiment,
                               const Recording& recording) {
  const Json json{{"version", kVersion},
                  {"experiment", fingerprint(experiment)},
                  {"recording", to_json(experiment, recording, Views::kChanged)}};
  const std::string name = stored_name(file);
  std::ofstream out(name, std::ios::binary);
  out << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  out.flush();
  if (!out) return fail(Diagnostic{Diagnostic::Kind::kFailure, name, "cannot be written", ""});
  return {};
}

Result<std::optional<Recording>, Diagnostic> load_stored(const std::string& file,
                                                         const Experiment& experiment) {
  const std::string name = stored_name(file);
  std::ifstream in(name, std::ios::binary);
  if (!in) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("version", Json()) != kVersion || !json.contains("recording"))
    return fail(damaged(name, "not a stored result of this version"));
  if (json.value("experiment", Json()) != fingerprint(experiment))
    return fail(damaged(name, "the stored result is of another experiment"));
  return QUIRE_TRY(recording_from_json(experiment, json["recording"], name));
}

}  // namespace quire::litmus
