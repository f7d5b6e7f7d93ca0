#include "lab/folio_runs.h"

#include <algorithm>
#include <array>

namespace quire::lab {
namespace {

using vm::Entry;
using vm::Native;

// Goes through the entries of one mapping and keeps the runs.
class RunWalk {
 public:
  RunWalk(vm::AddressSpace& mm, const vm::Vma& vma) : mm_(mm), vma_(vma) {}

  std::vector<FolioRun> run() {
    mm_.tables().for_each_pmd(
        vma_.range,
        [this](VirtAddr block, Entry& pmd) {
          const VirtAddr end = std::min(block + kOrderPmd.bytes(), vma_.end());
          VirtAddr at = std::max(block, vma_.begin());
          if (Native::is_leaf(pmd)) {
            pages(at, Native::pfn(pmd) + pages_between(block, at), pages_between(at, end));
            return;
          }
          if (!Native::is_present(pmd)) return;  // in swap
          for (const Entry* e = mm_.tables().pte(pmd, at); at < end; at += PageCount(1), ++e)
            if (Native::is_present(*e)) pages(at, Native::pfn(*e), PageCount(1));
        },
        pagetable::SwapPmds::kAsTheyAre);
    return std::move(runs_);
  }

 private:
  // `n` pages of one folio from `at` on.
  void pages(VirtAddr at, Pfn page, PageCount n) {
    const folio::Folios& folios = mm_.folios();
    const Pfn head = folios.head_of(page);
    if (!folios.is_anon(head)) return;  // a zero page is nobody's memory
    const vm::FolioReasons* const reasons = mm_.system().reasons.get();
    const FolioRun next{.offset = pages_between(vma_.begin(), at),
                        .span = n,
                        .order = folios.order_of(head),
                        .resident = n,
                        .touched = touched(page, n),
                        .why = reasons != nullptr ? reasons->why(page) : vm::NotHuge::kNothing};
    if (runs_.empty() || !continues(runs_.back(), next)) {
      runs_.push_back(next);
      return;
    }
    FolioRun& last = runs_.back();
    last.span += n;
    last.resident += n;
    last.touched += next.touched;
  }

  static bool continues(const FolioRun& a, const FolioRun& b) {
    return a.end() == b.offset && a.order == b.order && a.why == b.why;
  }

  [[nodiscard]] PageCount touched(Pfn page, PageCount n) const {
    PageCount used;
    for (std::uint64_t i = 0; i < n.raw(); ++i)
      used += PageCount(mm_.memory().frame(page + PageCount(i)).touched);
    return used;
  }

  vm::AddressSpace& mm_;
  const vm::Vma& vma_;
  std::vector<FolioRun> runs_;
};

// Neighbours that become one run: the size and the reason of most of its pages.
class Joined {
 public:
  explicit Joined(const FolioRun& first) : run_(first) { count(first); }

  [[nodiscard]] PageCount span_with(const FolioRun& next) const { return next.end() - run_.offset; }
  void add(const FolioRun& next) {
    run_.span = span_with(next);
    run_.resident += next.resident;
    run_.touched += next.touched;
    count(next);
  }
  [[nodiscard]] const FolioRun& run() const { return run_; }

 private:
  void count(const FolioRun& part) {
    PageCount& pages = by_order_[part.order.raw()];
    pages += part.resident;
    if (pages < most_) return;
    most_ = pages;
    run_.order = part.order;
    run_.why = part.why;
  }

  FolioRun run_;
  std::array<PageCount, kMaxOrder + 1> by_order_{};
  PageCount most_;
};

}  // namespace

std::vector<FolioRun> folio_runs(vm::AddressSpace& mm, const vm::Vma& vma) { return RunWalk(mm, vma).run(); }

std::vector<FolioRun> coarser(const std::vector<FolioRun>& runs, PageCount most) {
  std::vector<FolioRun> joined;
  for (std::size_t i = 0; i < runs.size();) {
    Joined one(runs[i]);
    for (++i; i < runs.size() && one.span_with(runs[i]) <= most; ++i) one.add(runs[i]);
    joined.push_back(one.run());
  }
  return joined;
}

}  // namespace quire::lab
