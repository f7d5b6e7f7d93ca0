// litmus/pages.h - what is behind the pages of a mapping, kept as runs.
#pragma once

#include <cstdint>
#include <vector>

namespace quire::litmus {

struct Page {
  enum class State : std::uint8_t { kAbsent, kZero, kAnon, kFile, kSwapped, kGuard };
  State state = State::kAbsent;
  bool pmd = false;  // mapped by a PMD entry; a zero page then is the huge one
  std::uint8_t order = 0;
  std::uint32_t index = 0;  // of the page in its folio
  std::uint64_t folio = 0;  // equal for pages of one folio: see number_folios
  std::uint32_t mapcount = 0;
  bool swapcache = false;   // the folio has slots as well
  std::uint8_t device = 0;  // of a swapped page
  std::uint64_t slot = 0;   // the same
  bool operator==(const Page&) const = default;

  // Whether there are bytes behind it, wherever they are.
  [[nodiscard]] bool has_bytes() const { return present() || state == State::kSwapped; }
  [[nodiscard]] bool present() const { return has_folio() || state == State::kZero; }
  // Whether `folio`, `index`, `order` and `mapcount` mean something.
  [[nodiscard]] bool has_folio() const { return state == State::kAnon || state == State::kFile; }
};

// Pages in a row: consecutive pages of one folio, small folios whose numbers
// count up, consecutive slots, or so many of the same nothing.
struct PageRun {
  Page first;
  std::uint64_t pages = 1;
  bool operator==(const PageRun&) const = default;

  // The page `n` pages behind the first; also beyond the end of the run.
  [[nodiscard]] Page at(std::uint64_t n) const {
    Page page = first;
    if (page.has_folio() && page.order != 0) page.index += static_cast<std::uint32_t>(n);
    if (page.has_folio() && page.order == 0) page.folio += n;
    if (page.state == Page::State::kSwapped) page.slot += n;
    return page;
  }
};

// The pages of a range, first to last. Each run is as long as it can be, seen
// from the left, so that equal pages are equal runs.
class Pages {
 public:
  void append(const PageRun& run) {
    if (run.pages == 0) return;
    if (!runs_.empty() && runs_.back().at(runs_.back().pages) == run.first) {
      runs_.back().pages += run.pages;
    } else {
      runs_.push_back(run);
    }
    size_ += run.pages;
  }
  void append(const Page& page) { append(PageRun{page, 1}); }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::vector<PageRun>& runs() const { return runs_; }
  // Looks for the run: in time of how many there are.
  [[nodiscard]] Page operator[](std::uint64_t n) const {
    auto run = runs_.begin();
    for (; n >= run->pages; ++run) n -= run->pages;
    return run->at(n);
  }
  // Calls fn(const Page&) for each.
  template <typename Fn>
  void for_each(Fn&& fn) const {
    for (const PageRun& run : runs_)
      for (std::uint64_t n = 0; n < run.pages; ++n) fn(run.at(n));
  }
  // Whether any page has bytes behind it.
  [[nodiscard]] bool any_bytes() const {
    for (const PageRun& run : runs_)
      if (run.first.has_bytes()) return true;
    return false;
  }
  bool operator==(const Pages&) const = default;

 private:
  std::vector<PageRun> runs_;
  std::uint64_t size_ = 0;
};

}  // namespace quire::litmus
