// cli/tell.h - one line on stderr.
#pragma once

#include <string>
#include <string_view>

#include "quire/result.h"

namespace quire::cli {

// "quire: where: what; hint"
void tell(const Diagnostic& diagnostic);
// "quire: verb: text"
void tell(std::string_view verb, std::string_view text);

// As it may reach a terminal: control characters made visible, one line.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace quire::cli
