#include "vm/khugepaged.h"

#include <algorithm>

#include "policy/policy.h"
#include "vm/collapse_mthp.h"

namespace quire::vm {
namespace {

constexpr std::size_t kMostHints = 64;
constexpr unsigned kMostPasses = 8;  // a block that cannot be collapsed for so long waits for its turn

}  // namespace

bool Khugepaged::has_work() const {
  return !slots_.empty() && policy::khugepaged_enabled(system_.settings, system_.masks);
}

void Khugepaged::enter_vma(AddressSpace& mm, const Vma& vma, VmFlags flags) {
  if (mm.in_khugepaged || !policy::khugepaged_enabled(system_.settings, system_.masks)) return;
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
  std::erase_if(hints_, [&](const Hint& hint) { return hint.mm == &mm; });
  if (!mm.in_khugepaged) return;
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.mm == &mm; });
  if (slot == cursor_) {
    slot->mm = nullptr;  // the daemon finds it dead when it comes back
  } else {
    slots_.erase(slot);
  }
}

void Khugepaged::look_first(AddressSpace& mm, VirtAddr block) {
  if (system_.settings.policy->scan_order != policy::ScanOrder::kDirectedFirst || !mm.in_khugepaged) return;
  const auto same = [&](const Hint& hint) { return hint.mm == &mm && hint.block == block; };
  if (std::ranges::any_of(hints_, same)) return;
  if (hints_.size() == kMostHints) hints_.pop_front();
  hints_.push_back({&mm, block});
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
  const OrderSet orders = collapse_orders(mm, vma, policy::Caller::khugepaged);
  address_ = std::max(address_, begin);
  while (address_ < end) {
    const Collapse one = collapse_block_to(mm, vma, address_, limits, orders);
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

ScanResult Khugepaged::scan_block(AddressSpace& mm, VirtAddr block, std::vector<BlockScan>& log) {
  Vma* const vma = mm.mappings().find(block);
  if (vma == nullptr || !vma->block_fits(block, kOrderPmd)) return ScanResult::kVmaNull;
  if (!may_collapse(mm, *vma, vma->flags, policy::Caller::khugepaged)) return ScanResult::kVmaCheck;
  const OrderSet orders = collapse_orders(mm, *vma, policy::Caller::khugepaged);
  const CollapseLimits limits = CollapseLimits::of(system_.settings.khugepaged);
  const ScanResult result = collapse_block_to(mm, *vma, block, limits, orders).result;
  system_.counters.add(stats::VmEvent::quire_directed_scans);
  log.push_back({&mm, block, result});
  if (result == ScanResult::kSucceed) ++pages_collapsed_;
  return result;
}

// Each place once. Those that were not collapsed wait for the next pass.
std::uint64_t Khugepaged::scan_hints(std::uint32_t budget, std::vector<BlockScan>& log) {
  std::uint64_t progress = 0;
  for (std::size_t left = hints_.size(); left > 0 && progress < budget; --left) {
    Hint hint = hints_.front();
    hints_.pop_front();
    const ScanResult result = scan_block(*hint.mm, hint.block, log);
    progress += kPagesPerPmd;
    const bool settled = result == ScanResult::kSucceed || result == ScanResult::kPmdMapped ||
                         result == ScanResult::kVmaNull || result == ScanResult::kPmdNull;
    if (!settled && ++hint.passes < kMostPasses) hints_.push_back(hint);
  }
  return progress;
}

void Khugepaged::do_scan(std::vector<BlockScan>& log) {
  const std::uint32_t budget = system_.settings.khugepaged.pages_to_scan;
  std::uint64_t progress = has_work() ? scan_hints(budget, log) : 0;
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
