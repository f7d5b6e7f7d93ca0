#include <fmt/format.h>

#include <algorithm>

#include "litmus/parse_lines.h"
#include "litmus/parse_places.h"
#include "litmus/words.h"

namespace quire::litmus {
namespace {

constexpr std::array<std::string_view, 7> kHeadWords{"rule", "about",  "fails", "ram",
                                                     "arch", "policy", "set"};

// "2.2.4", "T6", "system-24".
bool is_rule_id(std::string_view word) {
  return !word.empty() && word.size() <= 32 && std::ranges::all_of(word, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
  });
}

Result<void, Diagnostic> parse_rules(Cursor& line, Experiment& experiment) {
  do {
    if (!is_rule_id(line.peek())) return fail(line.expected("the id of a rule (2.2.4, T6, system-24)"));
    experiment.rules.emplace_back(line.next());
  } while (!line.done());
  return {};
}

Result<void, Diagnostic> parse_ram(Cursor& line, Experiment& experiment) {
  const Where where = line.where();
  const ByteCount ram = QUIRE_TRY(parse_bytes(line, "the size of the memory (512M, 1G)"));
  if (ram < 16_MiB || ram > 64_GiB) return fail(line.wrong(where, "no size of memory, expected 16M to 64G"));
  experiment.ram = ram;
  return {};
}

Result<void, Diagnostic> parse_fails(Cursor& line, Experiment& experiment) {
  const auto subject = number_of(subject_words(), line.peek());
  if (!subject) return fail(line.expected("what goes wrong: " + list_of(subject_words())));
  line.next();
  experiment.fails = static_cast<Subject>(*subject);
  return {};
}

}  // namespace

bool is_head_word(std::string_view word) { return std::ranges::find(kHeadWords, word) != kHeadWords.end(); }

Result<void, Diagnostic> parse_head(Cursor& line, Experiment& experiment) {
  const std::string_view word = line.next();
  if (word == "rule") return parse_rules(line, experiment);
  if (word == "ram") return parse_ram(line, experiment);
  if (word == "fails") return parse_fails(line, experiment);
  if (word == "set") {
    experiment.settings.push_back(QUIRE_TRY(parse_set(line)));
    return {};
  }
  if (line.done()) return fail(line.expected(word == "about" ? "a sentence" : "a word"));
  if (word == "about") {
    experiment.about += (experiment.about.empty() ? "" : " ") + line.rest();
  } else if (word == "arch") {
    if (std::ranges::find(arch_words(), line.peek()) == arch_words().end())
      return fail(line.expected(fmt::format("one of {}", fmt::join(arch_words(), ", "))));
    experiment.arch = line.next();
  } else {
    experiment.policy = line.rest();
  }
  return {};
}

}  // namespace quire::litmus
