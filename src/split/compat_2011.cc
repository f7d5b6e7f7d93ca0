#include "split/compat_2011.h"

#include "base/check.h"

namespace quire::split {

HugePage2011::HugePage2011() { count_[0] = 1; }  // the PMD's

bool HugePage2011::pmd_trans_huge() const {
  const std::lock_guard lock(page_table_lock_);
  return pmd_ != Pmd::kTable;
}

HugePage2011::Pmd HugePage2011::pmd() const {
  const std::lock_guard lock(page_table_lock_);
  return pmd_;
}

// The kernel waits for the lock of the anon_vma, which the splitter holds.
void HugePage2011::wait_split_huge_page(std::unique_lock<std::mutex>& page_table_lock) {
  split_done_.wait(page_table_lock, [this] { return pmd_ == Pmd::kTable; });
}

void HugePage2011::split_huge_page_pmd() {
  {
    std::unique_lock lock(page_table_lock_);
    if (pmd_ == Pmd::kTable) return;
    if (pmd_ == Pmd::kSplitting) return wait_split_huge_page(lock);
    pmd_ = Pmd::kSplitting;
  }
  finish_split();
}

void HugePage2011::get_page(SubPage page) {
  const std::lock_guard lock(compound_lock_);
  ++pins_[page.raw()];
  ++count_[page.raw()];
  if (compound_ && page.is_tail()) ++count_[0];
}

void HugePage2011::put_page(SubPage page) {
  const std::lock_guard lock(compound_lock_);
  QUIRE_CHECK_GT(pins_[page.raw()], 0U);
  --pins_[page.raw()];
  --count_[page.raw()];
  // Only under the lock is it known whether the head still holds this pin too.
  if (compound_ && page.is_tail()) --count_[0];
}

void HugePage2011::follow_page(SubPage page, Follow how) {
  if (how == Follow::kSplit) split_huge_page_pmd();
  get_page(page);
}

void HugePage2011::begin_split() {
  const std::lock_guard lock(page_table_lock_);
  QUIRE_CHECK(pmd_ == Pmd::kHuge);
  pmd_ = Pmd::kSplitting;
}

void HugePage2011::finish_split() {
  distribute_references();
  {
    const std::lock_guard lock(page_table_lock_);
    QUIRE_CHECK(pmd_ == Pmd::kSplitting);
    pmd_ = Pmd::kTable;
  }
  split_done_.notify_all();
}

// The head gives up what it held for the tails; each tail gets the reference of the PTE it will have.
void HugePage2011::distribute_references() {
  const std::lock_guard lock(compound_lock_);
  for (unsigned n = 1; n < SubPage::kCount; ++n) {
    QUIRE_CHECK(count_[0] > count_[n]);
    count_[0] -= count_[n];
    ++count_[n];
  }
  compound_ = false;
}

std::uint32_t HugePage2011::count(SubPage page) const {
  const std::lock_guard lock(compound_lock_);
  return count_[page.raw()];
}

std::uint32_t HugePage2011::pins(SubPage page) const {
  const std::lock_guard lock(compound_lock_);
  return pins_[page.raw()];
}

void HugePage2011::check_invariants(base::InvariantReport& out) const {
  const std::lock_guard lock(compound_lock_);
  std::uint32_t tails = 0;
  for (unsigned n = 1; n < SubPage::kCount; ++n) {
    tails += pins_[n];
    const std::uint32_t expected = pins_[n] + (compound_ ? 0 : 1);
    if (count_[n] != expected)
      out.broken(compound_ ? "I-2011-1" : "I-2011-2", "page {} counts {}, not {}", n, count_[n], expected);
  }
  const std::uint32_t head = 1 + pins_[0] + (compound_ ? tails : 0);
  if (count_[0] != head)
    out.broken(compound_ ? "I-2011-1" : "I-2011-2", "the head counts {}, not {}", count_[0], head);
}

}  // namespace quire::split
