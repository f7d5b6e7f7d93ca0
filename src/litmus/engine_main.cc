// The engine of one architecture as a program: runs experiments and tells what
// it found, a line of JSON for each. `quire litmus run` starts the one for the
// architecture that an experiment, or --arch, names (oracle/elsewhere.h).
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "litmus/parse.h"
#include "litmus/verdict.h"

namespace {

using quire::Diagnostic;
using quire::Result;
using quire::litmus::Verdict;

Result<nlohmann::ordered_json, Diagnostic> run(const char* file) {
  const std::string text = QUIRE_TRY(quire::litmus::read_text(file));
  Verdict verdict = QUIRE_TRY(quire::litmus::open_experiment(file, text));
  QUIRE_TRY(verdict.ask_engine());
  verdict.conclude();
  nlohmann::ordered_json json = to_json(verdict);
  json["text"] = to_text(verdict, quire::litmus::Layout::kHide);
  json["layout"] = to_text(verdict, quire::litmus::Layout::kShow);
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const auto json = run(argv[i]);
    if (!json) {
      fmt::print(stderr, "quire: {}\n", json.error().line());
      return static_cast<int>(json.error().kind);
    }
    fmt::print("{}\n", json->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }
  return 0;
}
