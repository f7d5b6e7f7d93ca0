// litmus/parse_lines.h - the statements of the language, one function a kind.
// Used by parse.cc only.
#pragma once

#include "litmus/cursor.h"

namespace quire::litmus {

// Whether the word begins a line of the head of a file (some also are steps, of the machine).
[[nodiscard]] bool is_head_word(std::string_view word);
// Takes a whole line of the head.
[[nodiscard]] bool is_step_of_machine(std::string_view word);
[[nodiscard]] Result<void, Diagnostic> parse_head(Cursor& line, Experiment& experiment);

// `expect ...` or `picture ...`, the word ahead.
[[nodiscard]] bool is_expectation_word(std::string_view word);
[[nodiscard]] Result<Claim, Diagnostic> parse_claim(Cursor& line);

// A verb and its arguments, up to the end or `->`.
[[nodiscard]] Result<Action, Diagnostic> parse_action(Cursor& line);
[[nodiscard]] Result<ByteCount, Diagnostic> parse_limit(Cursor& line);
[[nodiscard]] Result<Set, Diagnostic> parse_set(Cursor& line);

}  // namespace quire::litmus
