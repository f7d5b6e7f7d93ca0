#include "vm/swap_readahead.h"

#include <algorithm>
#include <bit>

#include "vm/address_space.h"
#include "vm/charge.h"
#include "vm/swap_cache.h"

namespace quire::vm {
namespace {

using stats::VmEvent;

constexpr unsigned kOrderCeiling = 5;
constexpr std::uint32_t kMostHits = 63;

// How many pages to read, from how the last window fared.
std::uint32_t pages_to_read(const SwapWindow& last, std::uint64_t page, std::uint32_t most) {
  std::uint32_t pages = last.hits + 2;
  if (pages == 2) {
    // Nothing to judge by but whether this page lies beside the last one.
    const std::uint64_t before = last.at.page_number();
    if (page != before + 1 && page + 1 != before) pages = 1;
  } else {
    pages = std::max(4U, std::bit_ceil(pages));
  }
  return std::max(std::min(pages, most), last.pages / 2);  // it shrinks slowly
}

}  // namespace

VirtRange SwapReadahead::window(Vma& vma, VirtAddr addr) const {
  const std::uint32_t most = 1U << std::min(page_cluster_, kOrderCeiling);
  const VirtAddr page = addr.align_down();
  const VirtRange alone{page, page + PageCount(1)};
  if (most == 1) return alone;
  const SwapWindow last = vma.swap_window;
  const std::uint64_t number = page.page_number();
  const std::uint64_t before = last.at.page_number();
  const std::uint32_t win = pages_to_read(last, number, most);
  vma.swap_window = {.at = page, .pages = win, .hits = 0};
  if (win == 1) return alone;
  std::uint64_t first = number - std::min<std::uint64_t>(number, (win - 1) / 2);
  if (number == before + 1) first = number;                                             // upwards
  if (before == number + 1) first = number - std::min<std::uint64_t>(number, win - 1);  // downwards
  const VirtAddr block = page.align_down(kOrderPmd);
  return {std::max({VirtAddr(first << kPageShift), vma.begin(), block}),
          std::min({VirtAddr((first + win) << kPageShift), vma.end(), block + kOrderPmd.bytes()})};
}

Result<std::optional<SwapReadahead::Read>, swap::IoError> SwapReadahead::read_into_cache(SwapEntry entry) {
  if (const Pfn page = system_.swap.cached(entry); page.valid()) return Read{page, false};
  if (system_.swap.count(entry) == 0) return std::nullopt;
  const auto fresh = alloc_swapped_folio(system_, entry, kOrder0);
  if (!fresh) return std::nullopt;
  if (const auto done = system_.swap.read(entry, *fresh, kOrder0); !done) {
    system_.folios.put(*fresh);
    return std::unexpected(done.error());
  }
  if (system_.reclaim != nullptr) system_.reclaim->refaulted(*fresh, entry);
  add_to_swap_cache(system_, *fresh, entry);
  system_.folios.put(*fresh);  // the cache has it now
  return Read{*fresh, true};
}

Result<std::optional<Pfn>, swap::IoError> SwapReadahead::read(AddressSpace& mm, Vma& vma, VirtAddr addr) {
  const VirtRange range = window(vma, addr);
  const Entry pmd = *mm.tables().find_pmd(addr);
  const SwapEntry target = Native::swap_entry(*mm.tables().pte(pmd, addr));
  for (VirtAddr at = range.begin; at < range.end; at += PageCount(1)) {
    const Entry e = *mm.tables().pte(pmd, at);
    if (at == addr.align_down() || !Native::is_swap(e)) continue;
    const auto read = read_into_cache(Native::swap_entry(e));
    if (!read || !*read || !(*read)->fresh) continue;  // whoever needs it will hear of it
    marked_.insert((*read)->page);
    system_.counters.add(VmEvent::swap_ra);
  }
  const auto page = QUIRE_TRY(read_into_cache(target));
  if (!page) return std::nullopt;
  return page->page;
}

void SwapReadahead::found(Vma& vma, VirtAddr addr, Pfn head) {
  if (system_.folios.is_large(head)) return;
  const bool hit = marked_.erase(head) != 0;
  vma.swap_window.at = addr.align_down();
  if (!hit) return;
  vma.swap_window.hits = std::min(vma.swap_window.hits + 1, kMostHits);
  system_.counters.add(VmEvent::swap_ra_hit);
}

}  // namespace quire::vm
