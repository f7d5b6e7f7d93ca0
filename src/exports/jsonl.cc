// JSON Lines: one object a line, nothing round them.
#include <nlohmann/json.hpp>

#include "exports/event_fields.h"
#include "exports/formats.h"

namespace quire::exports {
namespace {

using Json = nlohmann::ordered_json;

void put_line(const Json& json, Output& out) {
  out.write(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace

Result<void, Diagnostic> events_jsonl(trace::Reader& reader, const record::Scrubber& scrubber, Output& out) {
  QUIRE_TRY(reader.rewind());
  trace::Event event;
  while (QUIRE_TRY(reader.next(event))) put_line(event_json(event, scrubber), out);
  return {};
}

void results_jsonl(const Results& results, Output& out) {
  for (const Row& row : results.rows) {
    Json json{{"kind", kind_name(results.kind)}, {"about", results.about}};
    for (const auto& [name, value] : row.labels) json[name] = value;
    json.update(report::json_of(row.figures));
    put_line(json, out);
  }
}

}  // namespace quire::exports
