// cli/verbs.h - what the program can be asked to do: one function, and one
// file, a verb.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/definition.h"
#include "quire/result.h"
#include "report/colour.h"

namespace quire::cli {

// The exit status.
using RunVerb = Result<int, Diagnostic> (*)(Words words);

[[nodiscard]] Result<int, Diagnostic> run_record(Words words);
[[nodiscard]] Result<int, Diagnostic> run_convert(Words words);
[[nodiscard]] Result<int, Diagnostic> run_export(Words words);
[[nodiscard]] Result<int, Diagnostic> run_info(Words words);
[[nodiscard]] Result<int, Diagnostic> run_generate_phone_day(Words words);
[[nodiscard]] Result<int, Diagnostic> run_replay(Words words);
[[nodiscard]] Result<int, Diagnostic> run_verify(Words words);
[[nodiscard]] Result<int, Diagnostic> run_advise(Words words);
[[nodiscard]] Result<int, Diagnostic> run_sweep(Words words);
[[nodiscard]] Result<int, Diagnostic> run_report(Words words);
[[nodiscard]] Result<int, Diagnostic> run_calibrate(Words words);
[[nodiscard]] Result<int, Diagnostic> run_litmus_run(Words words);
[[nodiscard]] Result<int, Diagnostic> run_litmus_fuzz(Words words);
[[nodiscard]] Result<int, Diagnostic> run_doctor(Words words);
[[nodiscard]] Result<int, Diagnostic> run_apply(Words words);
[[nodiscard]] Result<int, Diagnostic> run_restore(Words words);
[[nodiscard]] Result<int, Diagnostic> run_map(Words words);
[[nodiscard]] Result<int, Diagnostic> run_top(Words words);
[[nodiscard]] Result<int, Diagnostic> run_completion(Words words);
[[nodiscard]] Result<int, Diagnostic> run_help(Words words);
[[nodiscard]] Result<int, Diagnostic> run_version(Words words);

struct Group;

// Runs, or is the first word of verbs that run.
struct Verb {
  std::string_view name;
  std::string_view summary;
  RunVerb run;
  const Group* parts = nullptr;
};

// Verbs that are told apart by one word.
struct Group {
  std::string_view name;  // "litmus"; the whole program has none
  std::string_view summary;
  std::span<const Verb> verbs;
  std::array<std::string_view, 3> examples;

  [[nodiscard]] const Verb* find(std::string_view word) const;
  // kUsage, with the nearest.
  [[nodiscard]] Diagnostic unknown(std::string_view word) const;
  // The screen of --help.
  [[nodiscard]] std::string overview(report::Ink ink) const;
};

[[nodiscard]] const Group& program();
[[nodiscard]] inline std::span<const Verb> verbs() { return program().verbs; }

// What a verb that runs takes.
[[nodiscard]] Definition definition_of(const Verb& verb);

// The whole program but main(): finds the verb, runs it, tells a Diagnostic in
// one line on stderr. The exit status.
[[nodiscard]] int run_program(std::span<const std::string> words);

}  // namespace quire::cli
