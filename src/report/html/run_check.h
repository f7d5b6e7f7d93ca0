// report/html/run_check.h - whether an answer has the shape that
// docs/reference/json.md gives it. What a report reads is checked here once.
#pragma once

#include <string>

#include "report/html/run.h"

namespace quire::report {

// Empty, or the first thing that is wrong: "/policies/0/canonical: expected a text".
[[nodiscard]] std::string wrong_in(const Json& document, RunKind kind);

}  // namespace quire::report
