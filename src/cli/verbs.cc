#include "cli/verbs.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cli/tell.h"
#include "policy/near_miss.h"

namespace quire::cli {
namespace {

constexpr std::array kVerbs{
    Verb{"record", "run a program and write down its memory events", &run_record},
    Verb{"info", "what a recording holds", &run_info},
    Verb{"replay", "what the program would have done under other policies", &run_replay},
    Verb{"verify", "predict, run for real on this kernel, compare", &run_verify},
    Verb{"advise", "which folio sizes a recorded program should have", &run_advise},
    Verb{"sweep", "many recordings, policies and machines, kept in SQLite", &run_sweep},
    Verb{"calibrate", "measure what this kernel takes for its work", &run_calibrate},
    Verb{"litmus", "run memory-management experiments on Quire and on this kernel", &run_litmus},
    Verb{"doctor", "name the known traps on this host", &run_doctor},
    Verb{"apply", "make this host's huge-page settings those of a policy", &run_apply},
    Verb{"restore", "put back what apply changed", &run_restore},
    Verb{"map", "which folios running processes are made of", &run_map},
    Verb{"version", "this program's version", &run_version},
};

std::string overview() {
  std::string text =
      "Usage: quire VERB [options]\n\nLarge-folio memory management of Linux: predict and verify.\n\n";
  for (const Verb& verb : kVerbs) text += fmt::format("  {:<10} {}\n", verb.name, verb.summary);
  text +=
      "\nquire VERB --help explains a verb. Examples:\n"
      "  quire record -o mine.quire -- python3 -c 'print(sum(range(10**7)))'\n"
      "  quire replay mine.quire --policy 64K --policy 2M\n"
      "  quire verify --policy 64K -- python3 -c 'print(sum(range(10**7)))'\n";
  return text;
}

Diagnostic unknown_verb(const std::string& word) {
  std::vector<std::string> names;
  std::string list;
  for (const Verb& verb : kVerbs) {
    names.emplace_back(verb.name);
    list += (list.empty() ? "" : ", ") + names.back();
  }
  return {.kind = Diagnostic::Kind::kUsage,
          .where = {},
          .what = fmt::format("unknown verb \"{}\": there are {}", word, list),
          .hint = policy::did_you_mean(word, names)};
}

Result<int, Diagnostic> dispatch(Words words) {
  if (words.empty()) {
    fmt::print(stderr, "{}", overview());
    return static_cast<int>(Diagnostic::Kind::kUsage);
  }
  const std::string& word = words.front();
  if (word == "--help" || word == "-h" || word == "help") {
    fmt::print("{}", overview());
    return 0;
  }
  if (word == "--version") return run_version(words.subspan(1));
  for (const Verb& verb : kVerbs) {
    if (verb.name == word) return verb.run(words.subspan(1));
  }
  return fail(unknown_verb(word));
}

// An answer that did not arrive is no success: a full disk shows only here.
Result<void, Diagnostic> flush_answer() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(Diagnostic{.where = "standard output",
                         .what = fmt::format("cannot be written: {}", std::strerror(errno)),
                         .hint = ""});
}

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

int run_program(Words words) {
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
