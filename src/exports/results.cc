#include "exports/results.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "base/size.h"
#include "report/figures.h"
#include "trace/describe.h"

namespace quire::exports {
namespace {

using nlohmann::json;
using report::Figure;
using report::Unit;

constexpr std::size_t kMostBytes = 64U << 20;
constexpr int kMostDepth = 32;
constexpr std::string_view kSqlite = "SQLite format 3";

Diagnostic damaged(const std::string& name, std::string what) {
  return {Diagnostic::Kind::kDamagedInput, name, std::move(what),
          "quire replay FILE --json > result.json makes one; advise and verify as well"};
}

// The member, or null.
const json& member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

// A name or a sentence of the answer: escaped, for whoever wrote the file.
std::string text_at(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_string() ? trace::escape_name(value.get<std::string>()) : std::string();
}

std::vector<std::string> texts_at(const json& object, const char* name) {
  std::vector<std::string> texts;
  const json& list = member(object, name);
  if (!list.is_array()) return texts;
  for (const json& text : list)
    if (text.is_string()) texts.push_back(trace::escape_name(text.get<std::string>()));
  return texts;
}

std::optional<std::uint64_t> count_of(const json& value) {
  if (value.is_number_integer() && (value.is_number_unsigned() || value.get<std::int64_t>() >= 0))
    return value.get<std::uint64_t>();
  constexpr double kMost = 9e18;
  if (value.is_number_float() && value.get<double>() >= 0 && value.get<double>() < kMost)
    return static_cast<std::uint64_t>(std::llround(value.get<double>()));
  return std::nullopt;
}

// "hugepages-64kB" -> 65536
std::uint64_t size_of(std::string_view name) {
  constexpr std::string_view kPrefix = "hugepages-";
  if (!name.starts_with(kPrefix)) return 0;
  const auto size = base::parse_size(name.substr(kPrefix.size()));
  return size ? size->raw() : 0;
}

void take_counter(Row& row, std::uint64_t size, const std::string& name, const json& value) {
  if (const auto count = count_of(value)) row.counters[size][name] = *count;
}

void take_counters(Row& row, const json& counters) {
  if (!counters.is_object()) return;
  for (const auto& [name, value] : counters.items()) {
    const std::uint64_t size = size_of(name);
    if (!value.is_object()) {
      take_counter(row, 0, name, value);
    } else if (size != 0) {
      for (const auto& [counter, number] : value.items()) take_counter(row, size, counter, number);
    }
  }
}

std::string about_of(const json& document, const record::Scrubber& scrubber) {
  const json& inputs = member(document, "inputs");
  std::string about = text_at(inputs, "path");
  for (const char* list : {"command", "path"}) {
    const auto words = texts_at(inputs, list);
    if (!words.empty()) about = fmt::format("{}", fmt::join(words, " "));
  }
  return scrubber.file_name(about);
}

Row replay_row(const json& policy, const report::Sheet& like) {
  Row row;
  row.labels = {{"policy", text_at(policy, "policy")}, {"canonical", text_at(policy, "canonical")}};
  row.figures = figures_from(policy, like);
  take_counters(row, member(policy, "counters"));
  return row;
}

void read_replay(Results& results, const json& document) {
  results.kind = Kind::kReplay;
  const report::Sheet like = figures_of_replays();
  for (const json& policy : member(document, "policies")) results.rows.push_back(replay_row(policy, like));
}

void read_advise(Results& results, const json& document) {
  results.kind = Kind::kAdvise;
  const json& advice = member(document, "advice");
  const std::string chosen = text_at(advice, "change");
  const bool leave = text_at(advice, "verdict") == "leave";
  results.verdict.push_back(leave ? "Verdict: leave it alone" : "Verdict: use " + chosen);
  results.verdict.push_back("Confidence: " + text_at(advice, "confidence"));
  for (const std::string& doubt : texts_at(advice, "doubts")) results.verdict.push_back("  " + doubt);
  results.commands = texts_at(advice, "do");
  const auto pareto = texts_at(advice, "pareto");
  const report::Sheet like = figures_of_replays();
  const json& candidates = member(advice, "candidates");
  if (!candidates.is_array()) return;
  for (const json& candidate : candidates) {
    Row row = replay_row(candidate, like);
    const std::string policy = row.label("policy");
    const std::string scope = text_at(candidate, "scope");
    const bool as_it_is = policy == "now" && scope == "host";
    const std::string change = as_it_is ? "now" : text_at(candidate, "change");
    const bool best = std::ranges::any_of(pareto, [&](const std::string& name) {
      return name == change || (name == policy && scope == "host");
    });
    const auto yes = [](bool is) { return std::string(is ? "yes" : "no"); };
    row.labels.emplace(row.labels.begin(), "scope", scope);
    row.labels.emplace(row.labels.begin(), "change", change);
    row.labels.emplace_back("recommended", yes(change == (leave ? "now" : chosen)));
    row.labels.emplace_back("pareto", yes(best));
    results.rows.push_back(std::move(row));
  }
}

// Times that were measured stand beside the policies, in the same order.
void add_time(report::Sheet& sheet, const json& time, const std::string& which, const char* label,
              const char* key) {
  const auto put = [&](const std::string& suffix, const std::string& name, const json& value) {
    if (const auto ns = count_of(value)) sheet.push_back({name, key + suffix, *ns, Unit::kNanoseconds});
  };
  if (which == "predicted") put("", label, member(time, "predicted_ns"));
  if (which != "measured") return;
  const json& measured = member(time, "measured_ns");
  put("", label, member(measured, "mean"));
  put("_low", std::string(label) + " low", member(measured, "low"));
  put("_high", std::string(label) + " high", member(measured, "high"));
}

const json& nth_policy(const json& document, const char* part, std::size_t n) {
  static const json kNone;
  const json& policies = member(member(document, part), "policies");
  return policies.is_array() && n < policies.size() ? policies[n] : kNone;
}

void read_verify(Results& results, const json& document) {
  results.kind = Kind::kVerify;
  results.verdict.push_back(member(document, "agrees") == true ? "Prediction and measurement agree"
                                                               : "Prediction and measurement DIFFER");
  const report::Sheet like = report::sheet_of(lab::Outcome{});
  const json& policies = member(document, "policies");
  for (std::size_t n = 0; n < policies.size(); ++n) {
    for (const std::string which : {"predicted", "measured", "error"}) {
      Row row;
      row.labels = {{"policy", text_at(policies[n], "policy")},
                    {"canonical", text_at(policies[n], "canonical")},
                    {"which", which}};
      row.figures = figures_from(member(policies[n], which.c_str()), like);
      add_time(row.figures, nth_policy(document, "system_time", n), which, "system time", "/system_ns");
      add_time(row.figures, nth_policy(document, "processor_time", n), which, "processor time",
               "/processor_ns");
      results.rows.push_back(std::move(row));
    }
  }
}

Result<json, Diagnostic> parse(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Diagnostic{.where = path, .what = "cannot be read", .hint = ""});
  std::string text;
  std::string block(1U << 16, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() != 0) {
    text.append(block, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMostBytes)
      return fail(damaged(path, fmt::format("is larger than {} MiB; expected a result as --json prints it",
                                            kMostBytes >> 20)));
  }
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= kMostDepth; };
  json document = json::parse(text, shallow, false);
  if (!document.is_object())
    return fail(
        damaged(path, "is neither a recording, nor the results of a sweep, nor JSON as --json prints it"));
  return document;
}

bool begins_with(const std::string& path, std::string_view magic) {
  std::ifstream in(path, std::ios::binary);
  std::string first(magic.size(), '\0');
  return in.read(first.data(), static_cast<std::streamsize>(first.size())) && first == magic;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kReplay:
      return "replay";
    case Kind::kAdvise:
      return "advise";
    case Kind::kVerify:
      return "verify";
    case Kind::kSweep:
      break;
  }
  return "sweep";
}

std::string Row::label(std::string_view name) const {
  const auto found =
      std::ranges::find(labels, name, [](const auto& entry) { return std::string_view(entry.first); });
  return found == labels.end() ? std::string() : found->second;
}

const Figure* Row::figure(std::string_view key) const {
  const auto found = std::ranges::find(figures, key, &Figure::key);
  return found == figures.end() ? nullptr : &*found;
}

report::Sheet figures_of_replays() {
  lab::ReplayResult result;
  result.pressure.emplace();
  return report::sheet_of(result);
}

report::Sheet figures_from(const json& values, const report::Sheet& like) {
  report::Sheet sheet;
  if (!values.is_object()) return sheet;
  for (const Figure& known : like) {
    const json::json_pointer place(known.key);
    if (!values.contains(place)) continue;
    const json& value = values[place];
    Figure figure = known;
    if (known.unit == Unit::kText) {
      if (!value.is_string()) continue;
      figure.value = trace::escape_name(value.get<std::string>());
    } else if (const auto count = count_of(value)) {
      figure.value = *count;
    } else if (value.is_number_integer()) {
      figure.value = value.get<std::int64_t>();
    } else {
      continue;
    }
    sheet.push_back(std::move(figure));
  }
  return sheet;
}

std::string scrub_paths(std::string_view text, const record::Scrubber& scrubber) {
  std::string scrubbed;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    scrubbed += word.find('/') == std::string_view::npos ? std::string(word) : scrubber.file_name(word);
    text.remove_prefix(end);
    const auto spaces = std::min(text.find_first_not_of(' '), text.size());
    scrubbed += text.substr(0, spaces);
    text.remove_prefix(spaces);
  }
  return scrubbed;
}

Result<Results, Diagnostic> read_document(const json& document, const std::string& name,
                                          const record::Scrubber& scrubber) {
  Results results;
  results.about = about_of(document, scrubber);
  const json& policies = member(document, "policies");
  if (member(document, "advice").is_object()) {
    read_advise(results, document);
  } else if (policies.is_array() && !policies.empty()) {
    if (member(policies[0], "predicted").is_object()) {
      read_verify(results, document);
    } else {
      read_replay(results, document);
    }
  }
  if (results.rows.empty()) return fail(damaged(name, "holds no answer of replay, advise or verify"));
  for (const std::string& note : texts_at(document, "notes"))
    results.notes.push_back(scrub_paths(note, scrubber));
  return results;
}

Result<Results, Diagnostic> read_results(const std::string& path, const record::Scrubber& scrubber) {
  if (begins_with(path, kSqlite)) return read_sweep(path, scrubber);
  const json document = QUIRE_TRY(parse(path));
  return read_document(document, path, scrubber);
}

}  // namespace quire::exports
