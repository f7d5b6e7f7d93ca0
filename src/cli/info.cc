#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "report/document.h"
#include "trace/describe.h"

namespace quire::cli {
namespace {

struct Request {
  std::string file;
  bool json = false;
};

void print_answer(const Request& request, const trace::Reader& reader, const trace::TraceStats& stats) {
  if (!request.json) {
    fmt::print("{}", trace::to_text(stats));
    return;
  }
  auto document = report::new_document();
  document["inputs"] = report::input_json(request.file, reader);
  document["results"] = trace::to_json(stats);
  fmt::print("{}", report::to_text(document));
}

}  // namespace

Result<int, Diagnostic> run_info(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "info",
       .synopsis = "FILE [--json]",
       .summary = "Says what a recording holds: how it was made, whether it is complete, its "
                  "processes,\nmappings and events. A damaged one is shown up to the damage.",
       .examples = {"quire info mine.quire", "quire info mine.quire --json | jq .results.header",
                    "quire info mine.quire | grep gate"}});
  arguments.operand("FILE", request.file, "The recording", Values::files(".quire"));
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  trace::Reader reader = QUIRE_TRY(open_recording("info", request.file));
  const trace::TraceStats stats = QUIRE_TRY(trace::describe(reader));
  print_answer(request, reader, stats);
  if (stats.damage) return fail(*stats.damage);
  return status_of_input(request.file, reader);
}

}  // namespace quire::cli
