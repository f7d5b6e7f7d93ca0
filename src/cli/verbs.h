// cli/verbs.h - what the program can be asked to do: one function, and one
// file, a verb.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "quire/result.h"

namespace quire::cli {

// The words behind the verb; the exit status.
using Words = std::span<const std::string>;
using RunVerb = Result<int, Diagnostic> (*)(Words words);

[[nodiscard]] Result<int, Diagnostic> run_record(Words words);
[[nodiscard]] Result<int, Diagnostic> run_info(Words words);
[[nodiscard]] Result<int, Diagnostic> run_replay(Words words);
[[nodiscard]] Result<int, Diagnostic> run_verify(Words words);
[[nodiscard]] Result<int, Diagnostic> run_advise(Words words);
[[nodiscard]] Result<int, Diagnostic> run_sweep(Words words);
[[nodiscard]] Result<int, Diagnostic> run_calibrate(Words words);
[[nodiscard]] Result<int, Diagnostic> run_litmus(Words words);
[[nodiscard]] Result<int, Diagnostic> run_doctor(Words words);
[[nodiscard]] Result<int, Diagnostic> run_apply(Words words);
[[nodiscard]] Result<int, Diagnostic> run_restore(Words words);
[[nodiscard]] Result<int, Diagnostic> run_map(Words words);
[[nodiscard]] Result<int, Diagnostic> run_version(Words words);

struct Verb {
  std::string_view name;
  std::string_view summary;
  RunVerb run;
};

[[nodiscard]] std::span<const Verb> verbs();

// The whole program but main(): finds the verb, runs it, tells a Diagnostic in
// one line on stderr. The exit status.
[[nodiscard]] int run_program(Words words);

}  // namespace quire::cli
