#include "cli/verbs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cli/complete.h"
#include "cli/help_text.h"
#include "cli/tell.h"
#include "policy/near_miss.h"

namespace quire::cli {
namespace {

constexpr std::array kLitmusVerbs{
    Verb{"run", "perform experiments that are text files", &run_litmus_run},
    Verb{"fuzz", "make random experiments and compare Quire with this kernel", &run_litmus_fuzz},
};

constexpr Group kLitmus{
    .name = "litmus",
    .summary = "Memory-management experiments, on Quire and on this kernel.",
    .verbs = kLitmusVerbs,
    .examples = {"quire litmus run litmus/*.litmus", "quire litmus run --on both mine.litmus",
                 "quire litmus fuzz --on engine --runs 1000"}};

constexpr std::array kGenerateVerbs{
    Verb{"phone-day", "a day of a phone: apps opened, put aside, opened again", &run_generate_phone_day},
};

constexpr Group kGenerate{
    .name = "generate",
    .summary = "Recordings of programs that never ran, made by documented models.",
    .verbs = kGenerateVerbs,
    .examples = {"quire generate phone-day -o day.quire", "quire generate phone-day --seed 7 -o other.quire",
                 "quire generate phone-day --hours 4 -o morning.quire"}};

constexpr std::array kVerbs{
    Verb{"record", "run a program and write down its memory events", &run_record},
    Verb{"convert", "make a recording of perf, strace or lackey output", &run_convert},
    Verb{"generate", "make a recording by a model: the day of a phone", nullptr, &kGenerate},
    Verb{"export", "recordings and results for other programs, and for a mail", &run_export},
    Verb{"info", "what a recording holds", &run_info},
    Verb{"replay", "what the program would have done under other policies", &run_replay},
    Verb{"verify", "predict, run for real on this kernel, compare", &run_verify},
    Verb{"advise", "which folio sizes a recorded program should have", &run_advise},
    Verb{"sweep", "many recordings, policies and machines, kept in SQLite", &run_sweep},
    Verb{"report", "answers as one HTML page, or as text for a mail", &run_report},
    Verb{"calibrate", "measure what this kernel takes for its work", &run_calibrate},
    Verb{"litmus", "run memory-management experiments on Quire and on this kernel", nullptr, &kLitmus},
    Verb{"doctor", "name the known traps on this host", &run_doctor},
    Verb{"apply", "make this host's huge-page settings those of a policy", &run_apply},
    Verb{"restore", "put back what apply changed", &run_restore},
    Verb{"map", "which folios running processes are made of", &run_map},
    Verb{"top", "watch folio sizes and their counters live", &run_top},
    Verb{"completion", "what makes a shell complete the words of quire", &run_completion},
    Verb{"help", "explain a verb", &run_help},
    Verb{"version", "this program's version and what it was built with", &run_version},
};

constexpr Group kProgram{.name = "",
                         .summary = "Large-folio memory management of Linux: predict and verify.",
                         .verbs = kVerbs,
                         .examples = {"quire record -o mine.quire -- python3 -c 'print(sum(range(10**7)))'",
                                      "quire replay mine.quire --policy 64K --policy 2M",
                                      "quire verify --policy 64K -- python3 -c 'print(sum(range(10**7)))'"}};

bool asks_for_help(std::string_view word) { return word == "--help" || word == "-h"; }

report::Ink ink_of(int stream) {
  return report::ink_for(report::ColourWish::kAuto, report::surroundings_of(stream));
}

Result<int, Diagnostic> dispatch(const Group& group, std::span<const std::string> words) {
  if (words.empty()) {
    fmt::print(stderr, "{}", group.overview(ink_of(STDERR_FILENO)));
    return static_cast<int>(Diagnostic::Kind::kUsage);
  }
  if (asks_for_help(words.front())) {
    fmt::print("{}", group.overview(ink_of(STDOUT_FILENO)));
    return 0;
  }
  const Verb* verb = group.find(words.front());
  if (verb == nullptr) return fail(group.unknown(words.front()));
  return verb->parts != nullptr ? dispatch(*verb->parts, words.subspan(1)) : verb->run({words.subspan(1)});
}

Result<int, Diagnostic> dispatch(std::span<const std::string> words) {
  if (!words.empty() && words.front() == kCompleteWord) {
    fmt::print("{}", to_text(complete(kProgram, words.subspan(1))));
    return 0;
  }
  if (!words.empty() && words.front() == "--version") return run_version({words.subspan(1)});
  return dispatch(kProgram, words);
}

// An answer that did not arrive is no success: a full disk shows only here.
Result<void, Diagnostic> flush_answer() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(Diagnostic{.where = "standard output",
                         .what = fmt::format("cannot be written: {}", std::strerror(errno)),
                         .hint = ""});
}

}  // namespace

const Verb* Group::find(std::string_view word) const {
  for (const Verb& verb : verbs) {
    if (verb.name == word) return &verb;
  }
  return nullptr;
}

Diagnostic Group::unknown(std::string_view word) const {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.emplace_back(verb.name);
  return {.kind = Diagnostic::Kind::kUsage,
          .where = std::string(name),
          .what = fmt::format("unknown verb \"{}\": there are {}", word, fmt::join(names, ", ")),
          .hint = policy::did_you_mean(word, names)};
}

std::string Group::overview(report::Ink ink) const {
  const std::string called = name.empty() ? "quire" : fmt::format("quire {}", name);
  std::string text = fmt::format("{} {} VERB [options]\n\n{}\n\n", ink.strong("Usage:"), called, summary);
  for (const Verb& verb : verbs) text += fmt::format("  {:<10} {}\n", verb.name, verb.summary);
  const std::vector<std::string> shown(examples.begin(), examples.end());
  return text + fmt::format("\n{} VERB --help explains a verb.\n\n{}", called, examples_text(shown, ink));
}

const Group& program() { return kProgram; }

Definition definition_of(const Verb& verb) {
  Definition definition;
  (void)verb.run({.given = {}, .instead = &definition});
  return definition;
}

int run_program(std::span<const std::string> words) {
  const Result<int, Diagnostic> done = dispatch(words);
  if (!done) {
    tell(done.error());
    return static_cast<int>(done.error().kind);
  }
  if (const auto flushed = flush_answer(); !flushed) {
    tell(flushed.error());
    return static_cast<int>(flushed.error().kind);
  }
  return *done;
}

}  // namespace quire::cli
