#include "lab/calibrate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"

namespace quire::cli {
namespace {

struct Request {
  std::string output;
  std::string name = "this-host";
  unsigned rounds = 11;
};

Result<void, Diagnostic> write(const std::string& file, const std::string& text) {
  if (file.empty()) {
    fmt::print("{}", text);
    return {};
  }
  std::ofstream out(file);
  out << text;
  if (out.flush()) return {};
  return fail(Diagnostic{Diagnostic::Kind::kFailure, file, "cannot be written", "name another with -o"});
}

}  // namespace

Result<int, Diagnostic> run_calibrate(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "calibrate",
       .synopsis = "[-o FILE] [options]",
       .summary = "Measures what this host's kernel takes to fault, share, copy, split and unmap folios "
                  "of each\nsize, and writes a machine profile. Root; changes settings for its time, and "
                  "puts them back.",
       .examples = {"quire calibrate -o mine.toml",
                    "quire calibrate --rounds 21 --name server -o server.toml",
                    "quire replay mine.quire --profile mine.toml"}});
  arguments.option("-o,--output", request.output, "FILE", "The profile (default: standard output)",
                   Values::files(".toml"));
  arguments.option("--name", request.name, "NAME", "Of the profile (default: this-host)");
  arguments.option("--rounds", request.rounds, "N", "Samples of each kind of work, 6 or more (default: 11)");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  if (request.rounds < 6 || request.rounds > 1000)
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "calibrate: --rounds", "expected 6 to 1000", ""});

  const bool watched = ::isatty(STDERR_FILENO) != 0;
  const auto profile =
      QUIRE_TRY(lab::calibrate({.name = request.name, .rounds = request.rounds}, [&](unsigned done) {
        if (watched)
          fmt::print(stderr, "\rround {} of {}{}", done, request.rounds, done == request.rounds ? "\n" : "");
      }));
  QUIRE_TRY(write(request.output, to_toml(profile)));
  return 0;
}

}  // namespace quire::cli
