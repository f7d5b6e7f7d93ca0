// report/html/page_html.h - the blocks of a report as HTML. The only place that
// writes tags; every text is escaped here.
#pragma once

#include <string>

#include "report/html/content.h"
#include "report/html/verdict.h"

namespace quire::report {

[[nodiscard]] std::string html_of(const Section& section);
[[nodiscard]] std::string html_of(const Verdict& verdict);

// The RUNs that a table's numbers are from: "A, C".
[[nodiscard]] std::string runs_of(const Table& table);

}  // namespace quire::report
