#include "cli/tell.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "trace/describe.h"

namespace quire::cli {

void tell(const Diagnostic& diagnostic) { fmt::print(stderr, "quire: {}\n", one_line(diagnostic.line())); }

void tell(std::string_view verb, std::string_view text) {
  fmt::print(stderr, "quire: {}: {}\n", verb, one_line(text));
}

std::string one_line(std::string_view text) {
  const auto plain = [](char c) { return c >= ' ' && c != '\x7f'; };
  // What needs no care is left as it is: escaping would double its backslashes.
  return std::ranges::all_of(text, plain) ? std::string(text) : trace::escape_name(text);
}

}  // namespace quire::cli
