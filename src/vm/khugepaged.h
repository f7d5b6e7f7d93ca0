// vm/khugepaged.h - the daemon that collapses memory behind programs' backs.
//
// Mirrors: khugepaged_enter_vma, khugepaged_exit, khugepaged_scan_mm_slot and
// khugepaged_do_scan of mm/khugepaged.c, Linux 6.18. Differs: it has no thread
// and no clock; one pass is one call, where the kernel would sleep between
// two of them.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <vector>

#include "base/report.h"
#include "vm/scan_result.h"
#include "vm/vma.h"

namespace quire::vm {

struct System;

// One block of 2 MiB the daemon looked at.
struct BlockScan {
  const AddressSpace* mm = nullptr;
  VirtAddr block;
  ScanResult result = ScanResult::kFail;
};

// Walks address spaces in the order they came, block by block, from where the
// last pass ended.
//
// States      : idle (no cursor) <-> inside an address space at an address
// Refers to   : address spaces that had memory it may collapse; they enter once and leave at exit
// Invariants  : I-KHUGE-1 an address space is in the list at most once
//               I-KHUGE-2 a dead entry is only ever the one the cursor is at
class Khugepaged {
 public:
  explicit Khugepaged(System& system) : system_(system) {}

  // A fault or advice met `vma`, whose flags are or will be `flags`: its
  // address space enters the list, at the end, if the daemon would collapse
  // there.
  void enter_vma(AddressSpace& mm, const Vma& vma, VmFlags flags);
  // A child of an address space in the list enters too.
  void fork(AddressSpace& child, const AddressSpace& parent);
  void exit(const AddressSpace& mm);
  // A 2 MiB mapping at `block` was just split by a copy. Policies that direct
  // the daemon have it look there at the next pass, before anything else, and
  // again at later passes while the block cannot be collapsed.
  void look_first(AddressSpace& mm, VirtAddr block);
  // The 2 MiB size was turned off everywhere: the daemon ends, the list stays.
  void stop();

  // One pass over at most `pages_to_scan` pages' worth of progress: 1 for
  // each address space and each mapping passed over, 512 for each block
  // looked at. Ends early when it has been round once, or when no free block
  // was to be had twice. What it looked at goes to `log`.
  void do_scan(std::vector<BlockScan>& log);

  [[nodiscard]] std::uint64_t full_scans() const { return full_scans_; }
  [[nodiscard]] std::uint64_t pages_collapsed() const { return pages_collapsed_; }

  void check_invariants(base::InvariantReport& out) const;

 private:
  struct Slot {
    AddressSpace* mm = nullptr;  // null: it is gone
  };
  using Slots = std::list<Slot>;
  // A place to look at out of turn.
  struct Hint {
    AddressSpace* mm = nullptr;
    VirtAddr block;
    unsigned passes = 0;  // that looked there in vain
  };

  [[nodiscard]] bool has_work() const;
  // How much of one address space was walked.
  enum class Walked : std::uint8_t { kPart, kAll };
  struct Visit {
    std::uint32_t progress = 0;
    ScanResult last = ScanResult::kFail;
    Walked walked = Walked::kPart;
  };
  Visit scan_mm_slot(std::uint32_t budget, std::vector<BlockScan>& log);
  void scan_mm(AddressSpace& mm, std::uint32_t budget, Visit& visit, std::vector<BlockScan>& log);
  [[nodiscard]] bool scan_vma(AddressSpace& mm, Vma& vma, std::uint32_t budget, Visit& visit,
                              std::vector<BlockScan>& log);
  void next_slot();
  [[nodiscard]] std::uint64_t scan_hints(std::uint32_t budget, std::vector<BlockScan>& log);
  [[nodiscard]] ScanResult scan_block(AddressSpace& mm, VirtAddr block, std::vector<BlockScan>& log);

  System& system_;
  Slots slots_;
  std::deque<Hint> hints_;  // the oldest first
  Slots::iterator cursor_ = slots_.end();
  VirtAddr address_;
  std::uint64_t full_scans_ = 0;
  std::uint64_t pages_collapsed_ = 0;
};

}  // namespace quire::vm
