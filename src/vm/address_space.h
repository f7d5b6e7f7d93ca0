// vm/address_space.h - one address space: its mappings, its tables, its sums.
//
// Mirrors: struct mm_struct, Linux 6.18. This is the data; what happens to it
// is in the files beside it, one mechanism each: fault.h, huge_pmd.h, wp.h,
// zap.h, fork.h, protect.h, move.h, madvise.h, guard.h, collapse.h, populate.h, syscalls.h.
#pragma once

#include <algorithm>

#include "base/report.h"
#include "folio/large_folio.h"
#include "pagetable/page_table.h"
#include "policy/fault_orders.h"
#include "vm/mapping_tree.h"
#include "vm/placement.h"
#include "vm/system.h"

namespace quire::vm {

using arch::Access;
using arch::Entry;
using arch::Native;

// Resident pages of an address space, by kind, and the most there ever were.
class Rss {
 public:
  void add_anon(PageCount n) {
    anon_ += n;
    raise();
  }
  void add_file(PageCount n) {
    file_ += n;
    raise();
  }
  void sub_anon(PageCount n) { anon_ -= n; }
  // Entries whose pages are in swap: not resident (MM_SWAPENTS).
  void add_swap(PageCount n) { swap_ += n; }
  void sub_swap(PageCount n) { swap_ -= n; }
  [[nodiscard]] PageCount swap() const { return swap_; }
  void sub_file(PageCount n) { file_ -= n; }
  [[nodiscard]] PageCount anon() const { return anon_; }
  [[nodiscard]] PageCount file() const { return file_; }
  [[nodiscard]] PageCount total() const { return anon_ + file_; }
  [[nodiscard]] PageCount peak() const { return peak_; }

 private:
  void raise() { peak_ = std::max(peak_, total()); }
  PageCount anon_, file_, swap_, peak_;
};

// The limits of setrlimit that memory calls look at.
struct Limits {
  ByteCount stack{8ULL << 20};
  ByteCount address_space{~0ULL};
  ByteCount data{~0ULL};
};

// The mappings and page tables of one program.
//
// States      : empty -> laid out by exec or copied by fork -> destroyed (everything unmapped)
// Owns        : mappings, page tables, and one map of each page its entries show
// Refers to   : the System it lives in
// Locks       : mmap lock (one thread drives a machine today)
// Invariants  : I-MM-1 rss().anon() and .file() equal the entries that map such pages
//               I-MM-2 every present entry lies in a mapping
//               I-MM-3 as many tables are deposited as there are huge PMDs
//               I-MM-5 rss().swap() = entries that name a slot of a swap device
//               I-MM-4 no entry is writable in a mapping without kWrite, nor on a page of a
//                      private mapping that is not exclusive
class AddressSpace final : public MappingPort {
 public:
  explicit AddressSpace(System& system);
  ~AddressSpace() override;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  [[nodiscard]] System& system() { return system_; }
  [[nodiscard]] const System& system() const { return system_; }
  [[nodiscard]] phys::PhysMemory& memory() { return system_.memory; }
  [[nodiscard]] folio::Folios& folios() { return system_.folios; }
  [[nodiscard]] stats::Counters& counters() { return system_.counters; }
  [[nodiscard]] folio::MmId id() const { return id_; }
  [[nodiscard]] pagetable::PageTable& tables() { return tables_; }
  [[nodiscard]] const pagetable::PageTable& tables() const { return tables_; }
  [[nodiscard]] MappingTree& mappings() { return mappings_; }
  [[nodiscard]] const MappingTree& mappings() const { return mappings_; }
  [[nodiscard]] Rss& rss() { return rss_; }
  [[nodiscard]] const Rss& rss() const { return rss_; }

  // Takes this address space's one reference on the huge zero folio, making
  // the folio at the system's first use. False when no block is left.
  [[nodiscard]] bool get_huge_zero();

  // Gives `part` of `vma` new flags (MappingTree::modify). A mapping that grew
  // by being merged may be one for khugepaged.
  [[nodiscard]] Result<Vma*, Errno> modify(Vma& vma, VirtRange part, VmFlags flags);
  // The mapping is new, or has grown.
  void note_growth(const Vma& vma) { system_.khugepaged.enter_vma(*this, vma, vma.flags); }

  // MappingPort: a boundary inside a huge PMD splits it.
  void boundary_moves(Vma& vma, VirtAddr edge) override;

  void check_invariants(base::InvariantReport& out);

  // Set by exec, prctl, brk, mlockall; copied by fork.
  MmapLayout layout;
  Limits limits;
  policy::ProcessThp thp = policy::ProcessThp::kDefault;
  VmFlags def_flags;  // what every new mapping gets besides (mlockall(MCL_FUTURE))
  VirtAddr start_brk;
  VirtAddr brk;
  bool has_pinned = false;     // some page of it was pinned once; a child begins without
  bool in_khugepaged = false;  // on khugepaged's list; it alone sets this
  folio::GroupId group;        // whose limit its memory counts against
  int oom_score_adj = 0;       // -1000 (never) to 1000 (first) when a victim is sought
  bool oom_killed = false;     // it was the victim: its process is to end

 private:
  // What the entries of an address space show.
  struct Shown {
    PageCount anon, file, swap;
    std::size_t huge = 0;
  };
  void check_block(VirtAddr block, Entry pmd, Shown& shown, base::InvariantReport& out);
  void check_entry(const Vma& vma, VirtAddr addr, Entry e, base::InvariantReport& out) const;

  System& system_;
  folio::MmId id_;
  pagetable::PageTable tables_;
  MappingTree mappings_;
  Rss rss_;
  bool holds_huge_zero_ = false;
};

// What the mapping's protection gives an entry, before page-by-page decisions
// about writing: read and execute only.
[[nodiscard]] inline Access page_prot(const Vma& vma) {
  return Access{
      .read = vma.flags.has_any(kVmAccessFlags), .write = false, .exec = vma.flags.has(VmFlag::kExec)};
}

// An entry for a page of this mapping that its owner may write to if the
// mapping allows it at all (the kernel's maybe_mkwrite).
[[nodiscard]] inline Entry maybe_writable(Entry e, const Vma& vma) {
  return vma.flags.has(VmFlag::kWrite) ? Native::make_writable(e) : e;
}

// Nobody waits for the first write to a page of shared memory, as a file system
// does: its entries are writable wherever the mapping is.
[[nodiscard]] inline bool writes_unwatched(const Vma& vma) {
  return vma.is_shared() && vma.file.kind == FileKind::kShmem;
}

// Nothing is there, or only zeroes that nobody owns.
[[nodiscard]] inline bool none_or_zero(Entry e) {
  return Native::is_none(e) || (Native::is_present(e) && Native::is_special(e));
}

[[nodiscard]] inline policy::VmaHints hints_of(VmFlags flags) {
  return {.hugepage = flags.has(VmFlag::kHugePage),
          .nohugepage = flags.has(VmFlag::kNoHugePage),
          .temporary_stack = flags.has(VmFlag::kStackIncompleteSetup),
          .no_khugepaged = flags.has_any(kVmNoKhugepaged),
          .marked = flags.has(VmFlag::kMarkedName),
          .cow = flags.has(VmFlag::kThpCow),
          .sized = flags.has(VmFlag::kSized),
          .sizes = OrderSet(static_cast<std::uint32_t>((flags & kVmSizes).raw() >> kVmSizesShift))};
}
[[nodiscard]] inline policy::VmaHints hints_of(const Vma& vma) { return hints_of(vma.flags); }

// How many entries from `first` on, at most `limit`, map consecutive pages of
// the folio `first` shows (the kernel's folio_pte_batch; accessed, dirty and
// write bits may differ).
[[nodiscard]] std::uint32_t pte_batch(const folio::Folios& folios, const Entry* first, std::uint32_t limit);

}  // namespace quire::vm
