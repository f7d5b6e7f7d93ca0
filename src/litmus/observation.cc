#include "litmus/observation.h"

#include <xxhash.h>

#include <fmt/format.h>

#include "base/size.h"

namespace quire::litmus {

void number_folios(std::vector<View>& views) {
  std::map<std::uint64_t, std::uint64_t> numbers;
  for (View& view : views)
    for (Page& page : view.pages)
      if (page.has_folio()) page.folio = numbers.emplace(page.folio, numbers.size()).first->second;
}

const View* find_view(const Observation& seen, const std::string& process, const std::string& block) {
  for (const View& view : seen.views)
    if (view.process == process && view.block == block) return &view;
  return nullptr;
}

const Page* find_page(const Observation& seen, const std::string& process, VirtAddr addr) {
  for (const View& view : seen.views)
    if (view.process == process && view.range.contains(addr))
      return &view.pages[pages_between(view.range.begin, addr.align_down()).raw()];
  return nullptr;
}

std::string describe(const Page& page) {
  switch (page.state) {
    case Page::State::kAbsent:
      return "absent";
    case Page::State::kSwapped:
      return "swapped";
    case Page::State::kGuard:
      return "a guard";
    case Page::State::kZero:
      return page.pmd ? "the huge zero page" : "the zero page";
    default:
      break;
  }
  return fmt::format(
      "{} folio {} of {}, page {}, mapped {}{}", page.state == Page::State::kFile ? "file" : "anon",
      page.folio, base::short_size(Order(page.order).bytes()), page.index,
      page.mapcount == 1 ? "once" : fmt::format("{} times", page.mapcount), page.pmd ? " by a PMD" : "");
}

std::uint64_t hash_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace quire::litmus
