#include "litmus/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "litmus/names.h"
#include "litmus/parse_lines.h"
#include "litmus/parse_places.h"
#include "litmus/words.h"

namespace quire::litmus {
namespace {

constexpr std::size_t kMaxText = 1U << 20;

// `-> EINVAL`, or nothing.
Result<std::string, Diagnostic> parse_ending(Cursor& line) {
  if (!line.take("->")) return std::string();
  const auto words = ending_words();
  if (std::ranges::find(words, line.peek()) == words.end())
    return fail(line.expected("an error number or signal (EINVAL, SIGSEGV)"));
  return std::string(line.next());
}

// `c:` in front of a statement.
Result<std::string, Diagnostic> parse_process(Cursor& line) {
  std::string_view word = line.peek();
  if (!word.ends_with(':')) return std::string(kFirstProcess);
  word.remove_suffix(1);
  if (!is_name(word)) return fail(line.expected("the name of a process"));
  line.next();
  return std::string(word);
}

class Parser {
 public:
  explicit Parser(const std::string& file) : file_(file) {}

  Result<void, Diagnostic> add(unsigned number, std::string_view text) {
    Cursor line(file_, number, text);
    if (line.done()) return {};
    if (experiment.steps.empty() && is_head_word(line.peek())) {
      QUIRE_TRY(parse_head(line, experiment));
    } else {
      QUIRE_TRY(add_statement(line));
    }
    return line.end();
  }

  Experiment experiment;

 private:
  Result<void, Diagnostic> add_statement(Cursor& line) {
    const Where where = line.where();
    const std::string process = QUIRE_TRY(parse_process(line));
    if (is_expectation_word(line.peek())) {
      if (experiment.steps.empty()) return fail(line.expected("a step before it"));
      Claim claim = QUIRE_TRY(parse_claim(line));
      experiment.steps.back().expectations.push_back({where, process, std::move(claim)});
      return {};
    }
    if (is_step_of_machine(line.peek()) && line.where().column != where.column)
      return fail(line.expected("a verb of a process: settings and the limit belong to the machine"));
    if (is_head_word(line.peek()) && !is_step_of_machine(line.peek()))
      return fail(line.expected("a step: such a line stands before the first"));
    Step step{where, process, QUIRE_TRY(parse_action(line)), {}, {}};
    step.ends = QUIRE_TRY(parse_ending(line));
    experiment.steps.push_back(std::move(step));
    return {};
  }

  std::string file_;
};

Diagnostic unreadable(const std::string& file, std::string what) {
  return {Diagnostic::Kind::kFailure, file, std::move(what), ""};
}

bool has_control_characters(std::string_view line) {
  return std::ranges::any_of(line, [](char c) { return c >= 0 && c < ' ' && c != '\t'; });
}

}  // namespace

Result<Experiment, Diagnostic> parse(std::string_view text, const std::string& file) {
  Parser parser(file);
  unsigned number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    if (has_control_characters(line)) {
      return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, position(file, {number, 1}),
                             "the line has control characters, expected text", ""});
    }
    QUIRE_TRY(parser.add(number, line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  QUIRE_TRY(check_names(parser.experiment, file));
  return std::move(parser.experiment);
}

std::string arch_named_in(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    constexpr std::string_view kWord = "arch ";
    if (!line.starts_with(kWord)) continue;
    const std::size_t begin = std::min(line.find_first_not_of(' ', kWord.size()), line.size());
    return std::string(line.substr(begin, line.find_first_of(" \t\r#", begin) - begin));
  }
  return "";
}

Result<std::string, Diagnostic> read_text(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.good() && text.empty()) return fail(unreadable(file, "cannot be read"));
  if (text.size() > kMaxText) return fail(unreadable(file, "is too long for an experiment: 1 MiB at most"));
  return text;
}

Result<Experiment, Diagnostic> read_experiment(const std::string& file) {
  return parse(QUIRE_TRY(read_text(file)), file);
}

}  // namespace quire::litmus
