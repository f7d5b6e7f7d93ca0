// report/html/plain_text.h - the blocks of a report as text that pastes into a mail.
#pragma once

#include <string>

#include "report/html/content.h"
#include "report/html/verdict.h"

namespace quire::report {

// No line is longer, but those to paste.
inline constexpr std::size_t kTextWidth = 78;

// Pictures and folded tables are left out.
[[nodiscard]] std::string text_of(const Section& section);
[[nodiscard]] std::string text_of(const Verdict& verdict);

}  // namespace quire::report
