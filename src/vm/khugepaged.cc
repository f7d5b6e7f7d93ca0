#include "vm/khugepaged.h"

#include <algorithm>

#include "vm/collapse.h"

namespace quire::vm {
namespace {

constexpr std::uint32_t kPagesPerPmd = 512;

}  // namespace

bool Khugepaged::has_work() const {
  return !slots_.empty() && policy::pmd_size_enabled(system_.settings, system_.masks);
}

void Khugepaged::enter_vma(AddressSpace& mm, const Vma& vma, VmFlags flags) {
  if (mm.in_khugepaged || !policy::pmd_size_enabled(system_.settings, system_.masks)) return;
  if (!may_collapse(mm, vma, flags, policy::Caller::khugepaged)) return;
  mm.in_khugepaged = true;
  slots_.push_back({&mm});
}

void Khugepaged::fork(AddressSpace& child, const AddressSpace& parent) {
  if (!parent.in_khugepaged) return;
  child.in_khugepaged = true;
  slots_.push_back({&child});
}

void Khugepaged::exit(const AddressSpace& mm) {
  if (!mm.in_khugepaged) return;
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.mm == &mm; });
  if (slot == cursor_) {
    slot->mm = nullptr;  // the daemon finds it dead when it comes back
  } else {
    slots_.erase(slot);
  }
}

void Khugepaged::stop() {
  if (cursor_ == slots_.end()) return;
  if (cursor_->mm == nullptr) slots_.erase(cursor_);
  cursor_ = slots_.end();
}

void Khugepaged::next_slot() {
  const auto done = cursor_++;
  address_ = VirtAddr(0);
  if (cursor_ == slots_.end()) ++full_scans_;
  if (done->mm == nullptr) slots_.erase(done);
}

// False when the visit ends here: an attempt was made, or the budget is used up.
bool Khugepaged::scan_vma(AddressSpace& mm, Vma& vma, std::uint32_t budget, Visit& visit,
                          std::vector<BlockScan>& log) {
  const VirtAddr begin = vma.begin().align_up(kOrderPmd);
  const VirtAddr end = vma.end().align_down(kOrderPmd);
  const CollapseLimits limits = CollapseLimits::of(system_.settings.khugepaged);
  address_ = std::max(address_, begin);
  while (address_ < end) {
    const Collapse one = collapse_block(mm, vma, address_, limits);
    log.push_back({&mm, address_, one.result});
    if (one.result == ScanResult::kSucceed) ++pages_collapsed_;
    visit.last = one.result;
    visit.progress += kPagesPerPmd;
    address_ += kOrderPmd.bytes();
    if (one.attempted || visit.progress >= budget) return false;
  }
  return true;
}

void Khugepaged::scan_mm(AddressSpace& mm, std::uint32_t budget, Visit& visit, std::vector<BlockScan>& log) {
  if (mm.thp == policy::ProcessThp::kDisabled) {
    visit.walked = Walked::kAll;
    return;
  }
  for (Vma* vma = mm.mappings().find_first_from(address_); vma != nullptr; vma = mm.mappings().next(*vma)) {
    const bool passed = address_ > vma->end().align_down(kOrderPmd);
    if (passed || !may_collapse(mm, *vma, vma->flags, policy::Caller::khugepaged)) {
      ++visit.progress;
      continue;
    }
    if (!scan_vma(mm, *vma, budget, visit, log)) return;
  }
  visit.walked = Walked::kAll;
}

Khugepaged::Visit Khugepaged::scan_mm_slot(std::uint32_t budget, std::vector<BlockScan>& log) {
  if (cursor_ == slots_.end()) {
    cursor_ = slots_.begin();
    address_ = VirtAddr(0);
  }
  Visit visit{.progress = 1};
  if (cursor_->mm == nullptr) {
    visit.walked = Walked::kAll;
  } else {
    scan_mm(*cursor_->mm, budget, visit, log);
  }
  if (visit.walked == Walked::kAll) next_slot();
  return visit;
}

void Khugepaged::do_scan(std::vector<BlockScan>& log) {
  const std::uint32_t budget = system_.settings.khugepaged.pages_to_scan;
  std::uint64_t progress = 0;
  unsigned rounds = 0;
  bool failed_once = false;
  while (progress < budget) {
    if (cursor_ == slots_.end()) ++rounds;
    if (!has_work() || rounds == 2) return;
    const Visit visit = scan_mm_slot(static_cast<std::uint32_t>(budget - progress), log);
    progress += visit.progress;
    if (visit.last != ScanResult::kAllocHugePageFail) continue;
    if (failed_once) return;
    failed_once = true;  // the kernel sleeps alloc_sleep_millisecs here
  }
}

void Khugepaged::check_invariants(base::InvariantReport& out) const {
  for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
    if (slot->mm == nullptr) {
      if (Slots::const_iterator(cursor_) != slot)
        out.broken("I-KHUGE-2", "a dead entry is not at the cursor");
      continue;
    }
    const auto same =
        std::count_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.mm == slot->mm; });
    if (same != 1 || !slot->mm->in_khugepaged)
      out.broken("I-KHUGE-1", "address space {} is {} times in the list", slot->mm->id().raw(), same);
  }
}

}  // namespace quire::vm
