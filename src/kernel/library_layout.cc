// What is behind the pages of a program, read from its tables in one walk.
#include <algorithm>

#include "arch/skip_empty.h"
#include "kernel/library_state.h"
#include "vm/address_space.h"

namespace quire {
namespace {

using vm::Entry;
using vm::Native;

class LayoutWalk {
 public:
  LayoutWalk(vm::AddressSpace& mm, VirtRange range) : mm_(mm), range_(range), at_(range.begin) {}

  std::vector<LayoutRun> run() {
    mm_.tables().for_each_pmd(
        range_,
        [this](VirtAddr block, Entry& pmd) {
          nothing_until(std::max(block, range_.begin));
          const VirtAddr end = std::min(block + kOrderPmd.bytes(), range_.end);
          if (Native::is_leaf(pmd)) {
            huge(pmd, end);
          } else if (Native::is_swap(pmd)) {
            swapped_pmd(pmd, end);
          } else {
            table(mm_.tables().pte(pmd, at_), end);
          }
        },
        pagetable::SwapPmds::kAsTheyAre);
    nothing_until(range_.end);
    return std::move(runs_);
  }

 private:
  void add(PageInfo info, std::uint64_t pages) {
    info.addr = at_;
    runs_.push_back({info, PageCount(pages)});
    at_ += PageCount(pages);
  }
  void nothing_until(VirtAddr end) {
    if (at_ < end) add({}, pages_between(at_, end).raw());
  }

  void huge(Entry pmd, VirtAddr end) {
    PageInfo info = describe(Native::pfn(pmd) + pages_between(at_.align_down(kOrderPmd), at_));
    info.pmd_mapped = true;
    info.writable = Native::is_writable(pmd);
    const bool zero = info.state == PageInfo::State::kZero;
    info.exclusive = !zero && mm_.memory().frame(info.folio).anon_exclusive != 0;
    while (at_ < end) {
      std::uint64_t n = pages_between(at_, end).raw();
      if (!zero) n = like(info, n);
      add(info, n);
      info.pfn = info.pfn + PageCount(n);
      if (at_ < end && !zero) info.mapcount = describe(info.pfn).mapcount;
    }
  }

  void swapped_pmd(Entry pmd, VirtAddr end) {
    PageInfo info = swapped(Native::advance_swap(pmd, pages_between(at_.align_down(kOrderPmd), at_).raw()));
    info.pmd_mapped = true;
    add(info, pages_between(at_, end).raw());
  }

  [[nodiscard]] static PageInfo swapped(Entry e) {
    PageInfo info;
    info.state = PageInfo::State::kSwapped;
    info.swap = Native::swap_entry(e);
    info.exclusive = Native::is_swap_exclusive(e);
    return info;
  }

  void table(const Entry* e, VirtAddr end) {
    while (at_ < end) {
      const std::uint64_t limit = pages_between(at_, end).raw();
      e += Native::is_present(*e) ? present(e, limit) : absent(e, limit);
    }
  }

  std::uint64_t absent(const Entry* e, std::uint64_t limit) {
    std::uint64_t n = 1;
    PageInfo info;
    if (Native::is_swap(*e)) {
      info = swapped(*e);
      while (n < limit && e[n] == Native::advance_swap(*e, n)) ++n;
    } else if (Native::is_none(*e)) {
      n = static_cast<std::uint64_t>(arch::skip_empty(e, e + limit) - e);
    } else {
      while (n < limit && e[n] == *e) ++n;
    }
    info.guard = Native::is_guard(*e);
    add(info, n);
    return n;
  }

  std::uint64_t present(const Entry* e, std::uint64_t limit) {
    PageInfo info = describe(Native::pfn(*e));
    info.writable = Native::is_writable(*e);
    std::uint64_t n = 1;
    if (info.state == PageInfo::State::kZero) {
      while (n < limit && Native::is_present(e[n]) && Native::pfn(e[n]) == info.pfn) ++n;
    } else {
      info.exclusive = mm_.memory().frame(info.pfn).anon_exclusive != 0;
      const std::uint64_t most = info.order == kOrder0 ? alike_small(info, limit) : like(info, limit);
      while (n < most && Native::is_present(e[n]) && Native::pfn(e[n]) == info.pfn + PageCount(n) &&
             Native::is_writable(e[n]) == info.writable)
        ++n;
    }
    add(info, n);
    return n;
  }

  // The frame and its folio, as far as no entry is needed.
  [[nodiscard]] PageInfo describe(Pfn page) const {
    const folio::Folios& folios = mm_.folios();
    PageInfo info;
    info.pfn = page;
    info.folio = folios.head_of(page);
    info.order = folios.order_of(info.folio);
    const vm::System& system = mm_.system();
    const bool zero = info.folio == system.zero_page || info.folio == system.zero_folio ||
                      (system.huge_zero.head.valid() && info.folio == system.huge_zero.head);
    info.state = zero                         ? PageInfo::State::kZero
                 : folios.is_anon(info.folio) ? PageInfo::State::kAnon
                                              : PageInfo::State::kFile;
    info.mapcount = zero ? 0 : folios.page_mapcount(page);
    info.swapcache = mm_.memory().frame(info.folio).swapcache != 0;
    return info;
  }

  // How many frames of the folio, from that of `info` on, are mapped as often
  // and, where a PTE maps them, as exclusive.
  [[nodiscard]] std::uint64_t like(const PageInfo& info, std::uint64_t limit) const {
    limit = std::min(limit, (info.order.pages() - (info.pfn - info.folio)).raw());
    const phys::Frame* const first = &mm_.memory().frame(info.pfn);
    std::uint64_t n = 1;
    while (n < limit && first[n].mapcount == first->mapcount &&
           (info.pmd_mapped || first[n].anon_exclusive == first->anon_exclusive))
      ++n;
    return n;
  }

  // The same of folios of one page: so many in a row, from that of `info` on.
  [[nodiscard]] std::uint64_t alike_small(const PageInfo& info, std::uint64_t limit) const {
    limit = std::min(limit, (mm_.memory().total() - (info.pfn - Pfn(0))).raw());
    const phys::Frame* const first = &mm_.memory().frame(info.pfn);
    std::uint64_t n = 1;
    while (n < limit && first[n].kind() == first->kind() && first[n].order() == kOrder0 &&
           first[n].mapcount == first->mapcount && first[n].anon_exclusive == first->anon_exclusive &&
           first[n].swapcache == first->swapcache)
      ++n;
    return n;
  }

  vm::AddressSpace& mm_;
  const VirtRange range_;
  VirtAddr at_;
  std::vector<LayoutRun> runs_;
};

}  // namespace

PageInfo LayoutRun::at(std::uint64_t n) const {
  PageInfo info = first;
  info.addr += PageCount(n);
  if (info.state == PageInfo::State::kSwapped) info.swap = info.swap + PageCount(n);
  const bool one_frame = info.state == PageInfo::State::kZero && !info.pmd_mapped;
  if (!info.pfn.valid() || one_frame) return info;
  info.pfn = info.pfn + PageCount(n);
  if (info.order == kOrder0) info.folio = info.pfn;
  return info;
}

std::vector<LayoutRun> Process::layout_runs(VirtRange range) const {
  return LayoutWalk(*state_->mm, {range.begin.align_down(), range.end.align_up()}).run();
}

std::vector<VirtRange> Process::cont_ranges(VirtRange range) const {
  std::vector<VirtRange> ranges;
  if (arch::Native::kContOrder == 0) return ranges;
  vm::AddressSpace& mm = *state_->mm;
  const PageCount block(1ULL << arch::Native::kContOrder);
  const auto look = [&](VirtAddr at, arch::Entry& pmd) {
    if (arch::Native::is_leaf(pmd) || !arch::Native::is_present(pmd)) return;
    for (const VirtAddr end = at + kOrderPmd.bytes(); at < end; at += block) {
      if (!arch::Native::is_cont(*mm.tables().pte(pmd, at)) || !range.contains(at)) continue;
      if (!ranges.empty() && ranges.back().end == at) {
        ranges.back().end += block;
      } else {
        ranges.push_back({at, at + block});
      }
    }
  };
  mm.tables().for_each_pmd(range, look, pagetable::SwapPmds::kAsTheyAre);
  return ranges;
}

std::vector<PageInfo> Process::layout(VirtRange range) const {
  std::vector<PageInfo> pages;
  for (const LayoutRun& run : layout_runs(range))
    for (std::uint64_t n = 0; n < run.pages.raw(); ++n) pages.push_back(run.at(n));
  return pages;
}

}  // namespace quire
