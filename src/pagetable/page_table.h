// pagetable/page_table.h - the page tables of one address space, in frames of
// the simulated RAM, in the architecture's exact format.
//
// Mirrors: the pgd/p4d/pud/pmd/pte allocation helpers, pgtable deposit and
// withdraw, free_pgtables and the PTE-table reclaim of Linux 6.18.
// Differs: p4d is folded; deposited tables are kept per address space, not
// per PMD table (they are interchangeable).
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "arch/native.h"
#include "base/report.h"
#include "pagetable/contpte.h"
#include "pagetable/table_check.h"
#include "phys/memory.h"
#include "quire/types.h"

namespace quire::pagetable {

using arch::Entry;
using arch::Native;

// Tables of a whole machine, now and at most, and who watches them.
struct TableUsage {
  std::uint64_t pages = 0;
  std::uint64_t peak_pages = 0;
  std::unique_ptr<TableCheck> check;  // null: nobody
};

// How a walk shows 2 MiB in swap that are one PMD entry: nearly all want to see
// a table of 512 entries and get one, for good.
enum class SwapPmds : std::uint8_t { kAsTables, kAsTheyAre };

// A tree of tables, four levels deep.
//
// States      : a table exists from its first use until free_range or destruction
// Owns        : every table frame reachable from the root, and the deposited ones
// Refers to   : the machine's memory
// Locks       : page-table lock (one thread drives a machine today)
// Invariants  : I-PT-1 table_pages() = tables reachable + deposited + the root
//               I-PT-2 deposited() = huge PMDs and PMD entries of swap (checked by the address space)
//               I-PT-3 no block of entries is tied together in part (Contpte)
// Complexity  : find_pmd O(1), one compare when it hits the last 2 MiB looked at
class PageTable {
 public:
  PageTable(phys::PhysMemory& memory, TableUsage& usage) : memory_(memory), usage_(usage), contpte_(memory) {}
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  // The PMD entry for the 2 MiB round `addr`, or null when no PMD table covers it.
  [[nodiscard]] Entry* find_pmd(VirtAddr addr) { return as_table(peek_pmd(addr)); }
  // The same, making the tables above it. Null when no frame is left.
  [[nodiscard]] Entry* alloc_pmd(VirtAddr addr) { return as_table(alloc_pmd_as_is(addr)); }
  // Both for those who know what to do with a PMD entry of swap.
  [[nodiscard]] Entry* peek_pmd(VirtAddr addr) {
    if ((addr.raw() >> kPmdShift) == cached_block_) return cached_pmd_;
    return find_pmd_slow(addr);
  }
  [[nodiscard]] Entry* alloc_pmd_as_is(VirtAddr addr);
  // The entry that decides about `addr`: the PMD where it is a huge page or in swap as one, else
  // the PTE. Null when no table covers it.
  [[nodiscard]] Entry* peek(VirtAddr addr) {
    Entry* const pmd = peek_pmd(addr);
    if (pmd == nullptr || Native::is_none(*pmd)) return nullptr;
    return Native::is_leaf(*pmd) || !Native::is_present(*pmd) ? pmd : pte(*pmd, addr);
  }

  // An entry of swap in place of none, and none in place of it. The table that was
  // deposited for the huge entry before stays so.
  void set_swap_pmd(Entry& pmd, Entry e) {
    pmd = e;
    ++swap_pmds_;
  }
  void clear_swap_pmd(Entry& pmd) {
    pmd = Entry{};
    --swap_pmds_;
  }
  [[nodiscard]] std::size_t swap_pmds() const { return swap_pmds_; }

  // The PTE of `addr` below a PMD entry that points at a table.
  [[nodiscard]] Entry* pte(Entry pmd, VirtAddr addr) const {
    return table_entries(Native::pfn(pmd)) + ((addr.raw() >> kPageShift) & (Native::kEntriesPerTable - 1));
  }
  // --- The entries of a PTE table: all changes of them go through here, since
  // --- an architecture may tie neighbours together. They take runs of entries
  // --- that map consecutive pages of one folio. Mirrors the ptep_ and set_ptes
  // --- helpers of 6.18; the address is not asked for: a table is aligned.
  // What the entry says, with what is known only of a whole block of entries.
  [[nodiscard]] static Entry ptep_get(const Entry* pte) { return Contpte<Native>::get(pte); }
  // `e` in place of an entry that is none or a marker.
  void set_pte(Entry* pte, Entry e) { set_ptes(pte, e, 1); }
  // `first` and its continuation in place of `n` entries that are none.
  void set_ptes(Entry* pte, Entry first, std::uint32_t n) {
    if (check_ != nullptr) [[unlikely]]
      check_->ptes_come(first, n);
    contpte_.set_ptes(pte, first, n);
  }
  void clear_ptes(Entry* pte, std::uint32_t n) {
    if (check_ != nullptr) [[unlikely]]
      check_go(pte, n);
    contpte_.clear_ptes(pte, n);
  }
  void wrprotect_ptes(Entry* pte, std::uint32_t n) {
    if (check_ != nullptr) [[unlikely]]
      check_wrprotect(pte, n);
    contpte_.wrprotect_ptes(pte, n);
  }
  // May clear more than was asked for: see Contpte.
  void clear_young_dirty_ptes(Entry* pte, std::uint32_t n, Clear what) {
    contpte_.clear_young_dirty_ptes(pte, n, what);
  }
  // `e` differs from what is there in accessed and dirty, and by being writable.
  void set_access_flags(Entry* pte, Entry e) {
    if (check_ != nullptr) [[unlikely]]
      check_access(pte, e);
    contpte_.set_access_flags(pte, e);
  }
  // How many entries from this one on an architecture would like to keep together.
  [[nodiscard]] static std::uint32_t batch_hint(const Entry* pte) { return Contpte<Native>::batch_hint(pte); }

  // `e` in place of whatever the PMD entry was. Accessed and dirty bits of a huge entry may be changed
  // without this.
  void set_pmd(Entry& pmd, Entry e) {
    if (check_ != nullptr) [[unlikely]]
      check_->pmd_changes(pmd, e);
    pmd = e;
  }

  // Makes a PTE table below an empty PMD entry. False when no frame is left.
  [[nodiscard]] bool alloc_pte_table(Entry& pmd);
  // Frees the (empty) PTE table the PMD entry points at, and clears the entry.
  void free_pte_table(Entry& pmd);
  [[nodiscard]] bool pte_table_is_empty(Entry pmd) const;
  // Moves a PTE table or a huge entry from one PMD entry to another, empty one.
  void move_pmd(Entry& from, Entry& to);

  // A PTE table set aside while a huge PMD stands in its place, so that
  // splitting the PMD can never fail. False when no frame is left.
  [[nodiscard]] bool deposit();
  // Sets aside the PTE table below the PMD entry, whose entries are all none
  // by now, and clears the entry: collapse makes a huge PMD of it.
  void deposit_table(Entry& pmd);
  // Puts a deposited table, all entries none, below the PMD entry.
  void withdraw_into(Entry& pmd);
  // The huge PMD went: its deposited table is freed.
  void drop_deposit();

  // After unmapping [begin, end): frees the tables that cover nothing but
  // [floor, ceiling), the free space round it.
  void free_range(VirtRange unmapped, VirtRange free_space);

  // Tables, the root and deposits included.
  [[nodiscard]] PageCount table_pages() const { return tables_; }
  [[nodiscard]] std::size_t deposited() const { return deposits_.size(); }

  // Calls fn(VirtAddr of the 2 MiB block, Entry& pmd) for each PMD entry that
  // is not none and lies in `range`, in order of address.
  template <typename Fn>
  void for_each_pmd(VirtRange range, Fn&& fn, SwapPmds swapped = SwapPmds::kAsTables) {
    VirtAddr addr = range.begin.align_down(kOrderPmd);
    while (addr < range.end) {
      Entry* const pmd = find_pmd_slow(addr);
      if (pmd == nullptr) {
        addr = next_populated(addr);
        continue;
      }
      if (Native::is_none(*pmd)) {
        addr += kOrderPmd.bytes() + nones_behind(pmd, addr, range.end);
        continue;
      }
      if (swapped == SwapPmds::kAsTables) static_cast<void>(as_table(pmd));
      fn(addr, *pmd);
      addr += kOrderPmd.bytes();
    }
  }

  void check_invariants(base::InvariantReport& out) const;

 private:
  void check_go(const Entry* pte, std::uint32_t n) const;
  void check_wrprotect(const Entry* pte, std::uint32_t n) const;
  void check_access(const Entry* pte, Entry e) const;

  static constexpr unsigned kPmdShift = kPageShift + kPmdOrder;
  static constexpr std::uint64_t kNoBlock = ~0ULL;

  [[nodiscard]] Entry* table_entries(Pfn table) const {
    return reinterpret_cast<Entry*>(memory_.bytes(table));
  }
  [[nodiscard]] Entry* find_pmd_slow(VirtAddr addr);
  // What stands at `pmd`, which may be null; 512 entries instead of one of swap.
  [[nodiscard]] Entry* as_table(Entry* pmd) {
    if (swap_pmds_ != 0 && pmd != nullptr && Native::is_swap(*pmd)) [[unlikely]]
      expand_swap_pmd(*pmd);
    return pmd;
  }
  void expand_swap_pmd(Entry& pmd);
  [[nodiscard]] VirtAddr next_populated(VirtAddr addr) const;
  // How much of the addresses behind that of `pmd`, up to `end`, the none
  // entries behind it in its table stand for.
  [[nodiscard]] static ByteCount nones_behind(const Entry* pmd, VirtAddr addr, VirtAddr end) {
    std::uint64_t n = 0;
    std::uint64_t left =
        Native::kEntriesPerTable - 1 - ((addr.raw() >> kPmdShift) & (Native::kEntriesPerTable - 1));
    left = std::min(left, (end - addr).raw() >> kPmdShift);
    while (n < left && Native::is_none(pmd[n + 1])) ++n;
    return ByteCount(n << kPmdShift);
  }
  [[nodiscard]] Pfn alloc_table();
  void free_table(Pfn table);
  [[nodiscard]] Entry* descend(Entry& upper);
  void free_upper_tables(VirtRange unmapped, VirtRange free_space, unsigned level);
  void free_tree(Pfn table, unsigned level);
  [[nodiscard]] std::uint64_t count_tables(Pfn table, unsigned level, base::InvariantReport& out) const;

  phys::PhysMemory& memory_;
  TableUsage& usage_;
  TableCheck* check_ = usage_.check.get();  // looked at on every change
  Contpte<Native> contpte_;
  Pfn root_ = Pfn::invalid();
  std::vector<Pfn> deposits_;
  std::size_t swap_pmds_ = 0;
  PageCount tables_;
  std::uint64_t cached_block_ = kNoBlock;  // number of the 2 MiB block looked at last
  Entry* cached_pmd_ = nullptr;
};

}  // namespace quire::pagetable
