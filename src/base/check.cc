#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace quire::base {

void check_failed(std::string_view expression, std::string_view detail, std::source_location where) {
  fmt::print(stderr, "quire: check failed: {}{}{} at {}:{} in {}\n", expression, detail.empty() ? "" : ": ",
             detail, where.file_name(), where.line(), where.function_name());
  std::fflush(stderr);
  std::abort();
}

}  // namespace quire::base
