// One translation unit that keeps a compiler busy: many instantiations of
// containers, ranges and variants.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

template <int N>
struct Cell {
  std::array<int, static_cast<std::size_t>(N % 13 + 1)> values{};
  std::string name = "cell" + std::to_string(N);
  auto operator<=>(const Cell&) const = default;
};

template <int N>
std::size_t work() {
  std::map<std::string, Cell<N>> by_name;
  std::unordered_map<int, std::vector<Cell<N>>> by_number;
  for (int i = 0; i < N + 3; ++i) {
    Cell<N> cell;
    std::iota(cell.values.begin(), cell.values.end(), i);
    by_number[i % 5].push_back(cell);
    by_name.emplace(cell.name + std::to_string(i), std::move(cell));
  }
  std::size_t total = 0;
  for (auto& [key, cells] : by_number) {
    std::sort(cells.begin(), cells.end());
    auto odd = cells | std::views::filter([](const auto& c) { return c.values[0] % 2 == 1; }) |
               std::views::transform([](const auto& c) { return c.name.size(); });
    for (auto size : odd) total += size + static_cast<std::size_t>(key);
  }
  std::variant<int, std::string, Cell<N>> any = by_name.begin()->second;
  return total + std::visit([](const auto& v) { return sizeof v; }, any);
}

template <int... N>
std::size_t all(std::integer_sequence<int, N...>) {
  return (work<N>() + ...);
}

}  // namespace

std::size_t heavy(const std::string& text) {
  std::istringstream words(text);
  std::set<std::string> seen;
  for (std::string word; words >> word;) seen.insert(word);
  return seen.size() + all(std::make_integer_sequence<int, 2>{});
}
