// cli/help_text.h - the screen of --help.
#pragma once

#include <string>

#include "cli/definition.h"
#include "report/colour.h"

namespace quire::cli {

// Usage, what the verb does, what it takes, examples. No line but an example is
// wider than 80 columns.
[[nodiscard]] std::string help_text(const Definition& definition, report::Ink ink);

// Examples as every help ends with them.
[[nodiscard]] std::string examples_text(std::span<const std::string> examples, report::Ink ink);

}  // namespace quire::cli
