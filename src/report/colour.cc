#include "report/colour.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "policy/near_miss.h"

namespace quire::report {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

Result<ColourWish, Diagnostic> colour_wish(const std::string& word) {
  if (word == "auto") return ColourWish::kAuto;
  if (word == "always") return ColourWish::kAlways;
  if (word == "never") return ColourWish::kNever;
  const std::vector<std::string> names{"auto", "always", "never"};
  return fail(Diagnostic{Diagnostic::Kind::kUsage, "--color",
                         fmt::format("\"{}\": there are {}", word, fmt::join(names, ", ")),
                         policy::did_you_mean(word, names)});
}

Surroundings surroundings_of(int stream) {
  using Reader = Surroundings::Reader;
  return {.no_color = variable("NO_COLOR"),
          .clicolor_force = variable("CLICOLOR_FORCE"),
          .term = variable("TERM"),
          .reader = ::isatty(stream) == 1 ? Reader::kTerminal : Reader::kOther};
}

std::string Ink::between(std::string_view sign, std::string_view text) const {
  if (use_ == Use::kPlain || text.empty()) return std::string(text);
  // A line ends behind its colour.
  const std::string_view end = text.ends_with('\n') ? "\n" : "";
  text.remove_suffix(end.size());
  return fmt::format("{}{}\x1b[0m{}", sign, text, end);
}

Ink ink_for(ColourWish wish, const Surroundings& around) {
  const auto set = [](const std::optional<std::string>& variable) { return variable && !variable->empty(); };
  if (wish != ColourWish::kAuto)
    return Ink(wish == ColourWish::kAlways ? Ink::Use::kColour : Ink::Use::kPlain);
  if (set(around.no_color)) return Ink(Ink::Use::kPlain);
  if (set(around.clicolor_force) && *around.clicolor_force != "0") return Ink(Ink::Use::kColour);
  if (!set(around.term) || *around.term == "dumb") return Ink(Ink::Use::kPlain);
  return Ink(around.reader == Surroundings::Reader::kTerminal ? Ink::Use::kColour : Ink::Use::kPlain);
}

}  // namespace quire::report
