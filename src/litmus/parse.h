// litmus/parse.h - reads a .litmus file. The grammar: docs/reference/litmus.md.
#pragma once

#include <string>
#include <string_view>

#include "litmus/experiment.h"
#include "quire/result.h"

namespace quire::litmus {

// The experiment that `text` describes. The Diagnostic is kDamagedInput, its
// place `file:line:column`, and says what was expected there. Every name that
// is used has been declared, every process lives.
[[nodiscard]] Result<Experiment, Diagnostic> parse(std::string_view text, const std::string& file);

// The architecture that the head of such a text names ("arm64"); empty when it
// names none. Reads no further: the rest may be for that architecture alone.
[[nodiscard]] std::string arch_named_in(std::string_view text);

// The text of a file, parsed.
[[nodiscard]] Result<Experiment, Diagnostic> read_experiment(const std::string& file);
[[nodiscard]] Result<std::string, Diagnostic> read_text(const std::string& file);

}  // namespace quire::litmus
