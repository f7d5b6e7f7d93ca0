#include "litmus/observation.h"

#include <xxhash.h>

#include <fmt/format.h>

#include <algorithm>

#include <utility>

#include "base/size.h"

namespace quire::litmus {

std::uint64_t FolioNumbers::of(std::uint64_t folio) {
  if (folio >= kDense) {
    const auto [known, is_new] = sparse_.try_emplace(folio, next_);
    if (is_new) ++next_;
    return known->second;
  }
  Dense& known = dense_[folio];
  if (known.round != round_) known = {round_, next_++};
  return known.number;
}

// Small folios in a row may get numbers that do not count up.
void FolioNumbers::append(PageRun run, Pages& to) {
  if (!run.first.has_folio()) return to.append(run);
  const std::uint64_t small_folios = run.first.order == 0 ? run.pages : 1;
  for (std::uint64_t n = 0; n < small_folios; ++n) {
    PageRun one{run.at(n), run.pages / small_folios};
    one.first.folio = of(one.first.folio);
    to.append(one);
  }
}

void FolioNumbers::apply(std::vector<View>& views) {
  ++round_;
  next_ = 0;
  sparse_.clear();
  for (View& view : views) {
    Pages numbered;
    for (const PageRun& run : view.pages.runs()) append(run, numbered);
    view.pages = std::move(numbered);
  }
}

const View* find_view(const Observation& seen, const std::string& process, const std::string& block) {
  for (const View& view : seen.views)
    if (view.process == process && view.block == block) return &view;
  return nullptr;
}

std::optional<Page> find_page(const Observation& seen, const std::string& process, VirtAddr addr) {
  for (const View& view : seen.views)
    if (view.process == process && view.range.contains(addr))
      return view.pages[pages_between(view.range.begin, addr.align_down()).raw()];
  return std::nullopt;
}

bool is_cont(const Observation& seen, const std::string& process, VirtAddr addr) {
  return std::ranges::any_of(seen.views, [&](const View& view) {
    return view.process == process &&
           std::ranges::any_of(view.cont, [&](VirtRange range) { return range.contains(addr); });
  });
}

std::string describe(const Page& page) {
  switch (page.state) {
    case Page::State::kAbsent:
      return "absent";
    case Page::State::kSwapped:
      return fmt::format("swapped to slot {} of device {}", page.slot, page.device);
    case Page::State::kGuard:
      return "a guard";
    case Page::State::kZero:
      return page.pmd ? "the huge zero page" : "the zero page";
    default:
      break;
  }
  return fmt::format("{} folio {} of {}, page {}, mapped {}{}{}",
                     page.state == Page::State::kFile ? "file" : "anon", page.folio,
                     base::short_size(Order(page.order).bytes()), page.index,
                     page.mapcount == 1 ? "once" : fmt::format("{} times", page.mapcount),
                     page.pmd ? " by a PMD" : "", page.swapcache ? ", in the swap cache" : "");
}

std::uint64_t hash_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace quire::litmus
