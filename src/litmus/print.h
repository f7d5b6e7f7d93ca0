// litmus/print.h - an experiment as the text of a .litmus file.
//
// parse(print(x)) is x again.
#pragma once

#include <string>

#include "litmus/experiment.h"

namespace quire::litmus {

[[nodiscard]] std::string print(const Experiment& experiment);
// "c: write A+4K = 7 -> SIGSEGV", without what is expected after it.
[[nodiscard]] std::string print(const Step& step);
// "expect A+4K order 64K"
[[nodiscard]] std::string print(const Claim& claim);
[[nodiscard]] std::string print(const Range& range);
[[nodiscard]] std::string print(const Place& place);
[[nodiscard]] std::string print(const Set& set);

}  // namespace quire::litmus
