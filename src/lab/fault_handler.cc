#include "lab/fault_handler.h"

#include <array>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire::lab {
namespace {

// From the outside in: the entry of x86-64, which has its exit within; else what
// every architecture has.
constexpr std::array<std::string_view, 2> kHandlers{"asm_exc_page_fault", "handle_mm_fault"};

struct Symbol {
  std::uint64_t address = 0;
  std::string name;
};

// Of "ffffffff81000c60 T asm_exc_page_fault".
std::optional<Symbol> symbol_of(const std::string& line) {
  std::istringstream words(line);
  Symbol symbol;
  char type = 0;
  if (!(words >> std::hex >> symbol.address >> type >> symbol.name)) return std::nullopt;
  if (symbol.address == 0 || (type != 't' && type != 'T')) return std::nullopt;
  return symbol;
}

// A function ends where the next one begins.
std::optional<CodeRange> range_of(const std::vector<Symbol>& symbols, std::string_view name) {
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  CodeRange range{.begin = 0, .end = kNone};
  for (const Symbol& s : symbols)
    if (s.name == name) range.begin = s.address;
  if (range.begin == 0) return std::nullopt;
  for (const Symbol& s : symbols)
    if (s.address > range.begin && s.address < range.end) range.end = s.address;
  return range.end == kNone ? std::nullopt : std::optional(range);
}

}  // namespace

std::optional<CodeRange> fault_handler_in(std::istream& kallsyms) {
  std::vector<Symbol> symbols;
  for (std::string line; std::getline(kallsyms, line);)
    if (auto symbol = symbol_of(line)) symbols.push_back(std::move(*symbol));
  for (const std::string_view name : kHandlers)
    if (const auto range = range_of(symbols, name)) return range;
  return std::nullopt;
}

const std::optional<CodeRange>& fault_handler() {
  static const std::optional<CodeRange> range = [] {
    std::ifstream file("/proc/kallsyms");
    return fault_handler_in(file);
  }();
  return range;
}

}  // namespace quire::lab
