#include "pagetable/page_table.h"

#include <algorithm>
#include <cstring>

#include "arch/skip_empty.h"
#include "base/check.h"

namespace quire::pagetable {
namespace {

// Bits of an address below the table of `level` (1: PTE table ... 4: root).
constexpr unsigned span_shift(unsigned level) { return kPageShift + Native::kBitsPerLevel * level; }
constexpr unsigned kTop = Native::kLevels;

constexpr std::size_t slot(VirtAddr addr, unsigned level) {
  return (addr.raw() >> (kPageShift + Native::kBitsPerLevel * (level - 1))) & (Native::kEntriesPerTable - 1);
}

}  // namespace

PageTable::~PageTable() {
  if (root_.valid()) free_tree(root_, kTop);
  while (!deposits_.empty()) drop_deposit();
}

Pfn PageTable::alloc_table() {
  const auto table = memory_.allocate(kOrder0, phys::MigrateType::kUnmovable);
  if (!table) return Pfn::invalid();
  memory_.frame(*table).set_kind(phys::FrameKind::kTable);
  memory_.frame(*table).refcount = 1;
  std::memset(memory_.bytes(*table), 0, kPageSize);
  tables_ += PageCount(1);
  usage_.peak_pages = std::max(usage_.peak_pages, ++usage_.pages);
  return *table;
}

void PageTable::free_table(Pfn table) {
  memory_.free(table, kOrder0);
  tables_ -= PageCount(1);
  --usage_.pages;
}

Entry* PageTable::descend(Entry& upper) {
  if (Native::is_none(upper)) {
    const Pfn table = alloc_table();
    if (!table.valid()) return nullptr;
    upper = Native::table(table);
  }
  return table_entries(Native::pfn(upper));
}

Entry* PageTable::find_pmd_slow(VirtAddr addr) {
  if (!root_.valid()) return nullptr;
  Pfn table = root_;
  for (unsigned level = kTop; level > 2; --level) {
    const Entry e = table_entries(table)[slot(addr, level)];
    if (Native::is_none(e)) return nullptr;
    table = Native::pfn(e);
  }
  cached_block_ = addr.raw() >> kPmdShift;
  cached_pmd_ = table_entries(table) + slot(addr, 2);
  return cached_pmd_;
}

// The first address above `addr`, whose PMD table is missing, that a present
// upper table could cover.
VirtAddr PageTable::next_populated(VirtAddr addr) const {
  if (!root_.valid()) return VirtAddr(1ULL << span_shift(kTop));
  Pfn table = root_;
  for (unsigned level = kTop; level > 2; --level) {
    std::size_t i = slot(addr, level);
    const Entry* const entries = table_entries(table);
    if (!Native::is_none(entries[i])) {
      table = Native::pfn(entries[i]);
      continue;
    }
    const unsigned shift = span_shift(level - 1);
    std::uint64_t next = addr.raw() >> shift;
    do {
      ++next;
      ++i;
    } while (i < Native::kEntriesPerTable && Native::is_none(entries[i]));
    return VirtAddr(next << shift);
  }
  return addr;
}

void PageTable::expand_swap_pmd(Entry& pmd) {
  const Entry first = pmd;
  clear_swap_pmd(pmd);
  withdraw_into(pmd);
  Entry* const entries = table_entries(Native::pfn(pmd));
  for (unsigned i = 0; i < Native::kEntriesPerTable; ++i) entries[i] = Native::advance_swap(first, i);
}

Entry* PageTable::alloc_pmd_as_is(VirtAddr addr) {
  if ((addr.raw() >> kPmdShift) == cached_block_) return cached_pmd_;
  if (!root_.valid()) {
    root_ = alloc_table();
    if (!root_.valid()) return nullptr;
  }
  Entry* entries = table_entries(root_);
  for (unsigned level = kTop; level > 2; --level) {
    entries = descend(entries[slot(addr, level)]);
    if (entries == nullptr) return nullptr;
  }
  cached_block_ = addr.raw() >> kPmdShift;
  cached_pmd_ = entries + slot(addr, 2);
  return cached_pmd_;
}

bool PageTable::alloc_pte_table(Entry& pmd) {
  QUIRE_DCHECK(Native::is_none(pmd));
  const Pfn table = alloc_table();
  if (!table.valid()) return false;
  pmd = Native::table(table);
  return true;
}

void PageTable::free_pte_table(Entry& pmd) {
  free_table(Native::pfn(pmd));
  pmd = Entry{};
}

bool PageTable::pte_table_is_empty(Entry pmd) const {
  const Entry* const entries = table_entries(Native::pfn(pmd));
  return std::all_of(entries, entries + Native::kEntriesPerTable, [](Entry e) { return Native::is_none(e); });
}

void PageTable::move_pmd(Entry& from, Entry& to) {
  QUIRE_DCHECK(Native::is_none(to));
  const Entry e = from;
  set_pmd(from, Entry{});
  set_pmd(to, e);
}

void PageTable::check_go(const Entry* pte, std::uint32_t n) const {
  for (const Entry* e = pte; e != pte + n; ++e) check_->pte_goes(*e);
}

void PageTable::check_wrprotect(const Entry* pte, std::uint32_t n) const {
  for (const Entry* e = pte; e != pte + n; ++e) {
    check_->pte_goes(*e);
    check_->ptes_come(Native::write_protect(*e), 1);
  }
}

void PageTable::check_access(const Entry* pte, Entry e) const {
  check_->pte_goes(*pte);
  check_->ptes_come(e, 1);
}

bool PageTable::deposit() {
  const Pfn table = alloc_table();
  if (!table.valid()) return false;
  deposits_.push_back(table);
  return true;
}

void PageTable::deposit_table(Entry& pmd) {
  QUIRE_DCHECK(pte_table_is_empty(pmd));
  deposits_.push_back(Native::pfn(pmd));
  pmd = Entry{};
}

void PageTable::withdraw_into(Entry& pmd) {
  QUIRE_CHECK(!deposits_.empty());
  set_pmd(pmd, Native::table(deposits_.back()));
  deposits_.pop_back();
}

void PageTable::drop_deposit() {
  QUIRE_CHECK(!deposits_.empty());
  free_table(deposits_.back());
  deposits_.pop_back();
}

void PageTable::free_range(VirtRange unmapped, VirtRange free_space) {
  if (!root_.valid()) return;
  cached_block_ = kNoBlock;
  for_each_pmd(unmapped, [&](VirtAddr block, Entry& pmd) {
    if (free_space.covers({block, block + kOrderPmd.bytes()})) free_pte_table(pmd);
  });
  for (unsigned level = 2; level < kTop; ++level) free_upper_tables(unmapped, free_space, level);
  cached_block_ = kNoBlock;
}

// Frees the tables of `level` whose whole span is free space.
void PageTable::free_upper_tables(VirtRange unmapped, VirtRange free_space, unsigned level) {
  const std::uint64_t span = 1ULL << span_shift(level);
  const std::uint64_t last = (unmapped.end.raw() + span - 1) & ~(span - 1);
  for (std::uint64_t at = unmapped.begin.raw() & ~(span - 1); at < last; at += span) {
    if (!free_space.covers({VirtAddr(at), VirtAddr(at + span)})) continue;
    Pfn table = root_;
    Entry* entry = nullptr;
    for (unsigned l = kTop; l > level; --l) {
      entry = table_entries(table) + slot(VirtAddr(at), l);
      if (Native::is_none(*entry)) break;
      table = Native::pfn(*entry);
    }
    if (Native::is_none(*entry)) continue;
    free_table(Native::pfn(*entry));
    *entry = Entry{};
  }
}

void PageTable::free_tree(Pfn table, unsigned level) {
  if (level > 1) {
    for (const Entry* e = table_entries(table); e != table_entries(table) + Native::kEntriesPerTable; ++e) {
      if (!Native::is_none(*e) && !(level == 2 && Native::is_leaf(*e))) free_tree(Native::pfn(*e), level - 1);
    }
  }
  free_table(table);
}

std::uint64_t PageTable::count_tables(Pfn table, unsigned level, base::InvariantReport& out) const {
  std::uint64_t n = 1;
  if (level == 1) {
    contpte_.check_invariants(table_entries(table), out);
    return n;
  }
  const Entry* const begin = table_entries(table);
  const Entry* const end = begin + Native::kEntriesPerTable;
  for (const Entry* e = arch::skip_empty(begin, end); e != end; e = arch::skip_empty(e + 1, end)) {
    const bool table_below = level != 2 || (Native::is_present(*e) && !Native::is_leaf(*e));
    if (table_below) n += count_tables(Native::pfn(*e), level - 1, out);
  }
  return n;
}

void PageTable::check_invariants(base::InvariantReport& out) const {
  const std::uint64_t found = (root_.valid() ? count_tables(root_, kTop, out) : 0) + deposits_.size();
  if (found != tables_.raw()) out.broken("I-PT-1", "{} tables found, {} counted", found, tables_.raw());
}

}  // namespace quire::pagetable
