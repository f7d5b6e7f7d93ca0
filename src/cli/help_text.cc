#include "cli/help_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace quire::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kMostColumn = 26;  // where texts begin
constexpr std::size_t kIndent = 2;

// Broken between words; lines but the first begin at `column`.
std::string wrapped(std::string_view words, std::size_t column) {
  std::string text;
  std::size_t at = column;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find_first_of(" \n"), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (at != column && at + 1 + word.size() > kWidth) {
      text += "\n" + std::string(column, ' ');
      at = column;
    } else if (at != column) {
      text += ' ';
      ++at;
    }
    text += word;
    at += word.size();
  }
  return text;
}

// "-o, --output FILE"; long options stand below each other.
std::string shown(const Taken& taken) {
  std::string text;
  if (taken.names.front().starts_with("--")) text = "    ";
  text += fmt::format("{}", fmt::join(taken.names, ", "));
  const bool operand = !taken.names.front().starts_with("-");
  if (operand && taken.times == Taken::Times::kMany) text += "...";
  return taken.value.empty() ? text : text + " " + taken.value;
}

std::string row(const Taken& taken, std::size_t column) {
  std::string text = std::string(kIndent, ' ') + shown(taken);
  // What is too long for its column has it for itself.
  if (text.size() + kIndent > column) text += "\n" + std::string(column, ' ');
  if (text.size() < column) text.resize(column, ' ');
  return text + wrapped(taken.help, column) + "\n";
}

std::string usage(const About& about, report::Ink ink) {
  std::string text;
  std::string_view left = about.synopsis;
  do {
    const std::size_t end = std::min(left.find('\n'), left.size());
    text += text.empty() ? ink.strong("Usage:") : "      ";
    text += fmt::format(" quire {}{}{}\n", about.verb, end == 0 ? "" : " ", left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  } while (!left.empty());
  return text;
}

}  // namespace

std::string examples_text(std::span<const std::string> examples, report::Ink ink) {
  std::string text = ink.strong("Examples:") + "\n";
  for (const std::string& example : examples) text += "  " + example + "\n";
  return text;
}

std::string help_text(const Definition& definition, report::Ink ink) {
  std::vector<Taken> all = definition.operands;
  all.insert(all.end(), definition.options.begin(), definition.options.end());
  std::size_t column = 0;
  for (const Taken& taken : all) {
    const std::size_t wanted = shown(taken).size() + 2 * kIndent;
    if (wanted <= kMostColumn) column = std::max(column, wanted);
  }
  std::string text = usage(definition.about, ink);
  text += fmt::format("\n{}\n\n{}\n", wrapped(definition.about.summary, 0), ink.strong("Options:"));
  for (const Taken& taken : all) text += row(taken, column);
  return text + "\n" + examples_text(definition.about.examples, ink);
}

}  // namespace quire::cli
