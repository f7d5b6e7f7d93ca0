// pagetable/contpte.h - entries that an architecture ties together in blocks.
//
// On arm64 one bit in each of 16 neighbouring entries (4 KiB pages; 128 with
// 16 KiB, 32 with 64 KiB) says that the whole block may be held as one
// translation: 64 KiB, or 2 MiB. Nobody above this file knows: who sets a run
// of entries gets blocks where they fit ("fold"), who changes a part of one
// gets it back as single entries first ("unfold"), and what the hardware notes
// in any one entry of a block is known of all.
//
// Mirrors: arch/arm64/mm/contpte.c and the wrappers of it in pgtable.h, Linux
// 6.18. Differs: no translations are cached, so nothing is invalidated and the
// break-before-make of a fold is not needed. The address is not asked for: a
// table is aligned to its size, so the position in it has the low bits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "arch/entry.h"
#include "base/report.h"
#include "phys/memory.h"

namespace quire::pagetable {

using arch::Entry;

// What clear_young_dirty_ptes clears.
enum class Clear : std::uint8_t { kYoung, kYoungAndDirty };

// The operations on runs of entries. `Arch::kContOrder` 0 ties nothing
// together, and all of this is a plain loop.
//
// Refers to   : the machine's memory, for the folio behind a page
// Invariants  : I-PT-3 a block is tied together wholly or not at all; if it is, its
//               entries are valid, map consecutive frames from an aligned one,
//               lie inside one folio, and differ at most in accessed and dirty
template <typename Arch>
class Contpte {
 public:
  static constexpr std::uint32_t kEntries = 1U << Arch::kContOrder;
  static constexpr bool kTies = kEntries > 1;

  explicit Contpte(const phys::PhysMemory& memory) : memory_(&memory) {}

  // Accessed and dirty of a block are those of any of its entries; that it is
  // tied together is not told.
  [[nodiscard]] static Entry get(const Entry* pte) {
    if (!Arch::is_cont(*pte)) return *pte;
    return Arch::make_noncont(gather(block_of(pte), *pte));
  }
  // Entries from this one to the end of its block; 1 outside of blocks.
  [[nodiscard]] static std::uint32_t batch_hint(const Entry* pte) {
    return Arch::is_cont(*pte) ? kEntries - position(pte) : 1;
  }

  // Blocks that fit, in position and in frames, are tied together. One entry
  // alone completes a block only when it is its last one.
  void set_ptes(Entry* pte, Entry first, std::uint32_t n) const {
    first = Arch::make_noncont(first);
    if constexpr (kTies) {
      if (n == 1) return set_one(pte, first);
      return set_blocks(pte, first, n);
    }
    for (std::uint32_t i = 0; i < n; ++i) pte[i] = Arch::advance(first, i);
  }

  void clear_ptes(Entry* pte, std::uint32_t n) const {
    unfold_edges(pte, n);
    std::fill_n(pte, n, Entry{});
  }

  void wrprotect_ptes(Entry* pte, std::uint32_t n) const {
    unfold_edges(pte, n);
    for (std::uint32_t i = 0; i < n; ++i) pte[i] = Arch::write_protect(pte[i]);
  }

  // Of the blocks touched, all of it: nothing is unfolded for this.
  void clear_young_dirty_ptes(Entry* pte, std::uint32_t n, Clear what) const {
    Entry* begin = pte;
    Entry* end = pte + n;
    if (Arch::is_cont(*begin)) begin = block_of(begin);
    if (Arch::is_cont(end[-1])) end = block_of(end - 1) + kEntries;
    for (Entry* e = begin; e != end; ++e) {
      *e = Arch::make_old(*e);
      if (what == Clear::kYoungAndDirty) *e = Arch::make_clean(*e);
    }
  }

  // Accessed and dirty go to the whole block; becoming writable unfolds it.
  void set_access_flags(Entry* pte, Entry e) const {
    if (!Arch::is_cont(*pte)) {
      *pte = Arch::make_noncont(e);
    } else if (Arch::is_writable(*pte) == Arch::is_writable(e)) {
      Entry* const block = block_of(pte);
      for (Entry* at = block; at != block + kEntries; ++at) *at = with_flags(*at, e);
    } else {
      unfold(pte);
      *pte = with_flags(Arch::is_writable(e) ? Arch::make_writable(*pte) : Arch::write_protect(*pte), e);
    }
  }

  // Of a whole table.
  void check_invariants(const Entry* table, base::InvariantReport& out) const {
    if constexpr (kTies) {
      for (const Entry* block = table; block != table + Arch::kEntriesPerTable; block += kEntries)
        check_block(block, static_cast<std::size_t>(block - table), out);
    }
  }

 private:
  [[nodiscard]] static std::uint32_t position(const Entry* pte) {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(pte) / sizeof(Entry)) % kEntries;
  }
  [[nodiscard]] static Entry* block_of(Entry* pte) { return pte - position(pte); }
  [[nodiscard]] static const Entry* block_of(const Entry* pte) { return pte - position(pte); }

  // `e` with the accessed and dirty bits of `from` besides its own.
  [[nodiscard]] static Entry with_flags(Entry e, Entry from) {
    if (Arch::is_young(from)) e = Arch::make_young(e);
    return Arch::is_dirty(from) ? Arch::make_dirty(e) : e;
  }
  [[nodiscard]] static Entry gather(const Entry* block, Entry e) {
    for (const Entry* at = block; at != block + kEntries; ++at) e = with_flags(e, *at);
    return e;
  }
  [[nodiscard]] static Entry without_flags(Entry e) {
    return Arch::make_noncont(Arch::make_old(Arch::make_clean(e)));
  }

  static void set_blocks(Entry* pte, Entry first, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n;) {
      const std::uint32_t step = std::min(n - i, kEntries - position(pte + i));
      const bool fits =
          step == kEntries && Arch::is_valid(first) && starts_block(Arch::pfn(first) + PageCount(i));
      for (std::uint32_t end = i + step; i != end; ++i) {
        const Entry e = Arch::advance(first, i);
        pte[i] = fits ? Arch::make_cont(e) : e;
      }
    }
  }
  [[nodiscard]] static bool starts_block(Pfn pfn) { return pfn.raw() % kEntries == 0; }

  void set_one(Entry* pte, Entry e) const {
    if (Arch::is_cont(*pte)) unfold(pte);
    *pte = e;
    const bool last = position(pte) == kEntries - 1 && starts_block(Arch::pfn(e) + PageCount(1));
    if (last && Arch::is_valid(e) && !Arch::is_special(e)) fold(block_of(pte));
  }

  // Ties the block together if it is all one.
  void fold(Entry* block) const {
    const Entry first = without_flags(block[0]);
    if (!Arch::is_valid(first) || !starts_block(Arch::pfn(first)) || !in_one_folio(Arch::pfn(first))) return;
    for (std::uint32_t i = 1; i < kEntries; ++i)
      if (without_flags(block[i]) != Arch::advance(first, i)) return;
    convert(block, Arch::make_cont(first));
  }
  // `pte` lies in the block.
  static void unfold(Entry* pte) {
    Entry* const block = block_of(pte);
    convert(block, Arch::make_noncont(block[0]));
  }
  static void convert(Entry* block, Entry first) {
    first = gather(block, first);
    for (std::uint32_t i = 0; i < kEntries; ++i) block[i] = Arch::advance(first, i);
  }
  // Blocks that the run covers in part.
  static void unfold_edges(Entry* pte, std::uint32_t n) {
    if constexpr (kTies) {
      if (Arch::is_cont(pte[0]) && (position(pte) != 0 || n < kEntries)) unfold(pte);
      if (Arch::is_cont(pte[n - 1]) && position(pte + n) != 0) unfold(pte + n - 1);
    }
  }

  // Folios are aligned, so that a large enough one holds the whole block.
  [[nodiscard]] bool in_one_folio(Pfn pfn) const {
    return memory_->frame(pfn).order() >= Order(Arch::kContOrder);
  }

  void check_block(const Entry* block, std::size_t index, base::InvariantReport& out) const {
    const auto tied = static_cast<std::uint32_t>(std::count_if(block, block + kEntries, Arch::is_cont));
    if (tied == 0) return;
    if (tied != kEntries) {
      out.broken("I-PT-3", "{} of {} entries from {} on are tied together", tied, kEntries, index);
      return;
    }
    const Entry first = without_flags(block[0]);
    for (std::uint32_t i = 1; i < kEntries; ++i) {
      if (without_flags(block[i]) != Arch::advance(first, i))
        out.broken("I-PT-3", "entry {} does not continue the block it is tied into", index + i);
    }
    if (!starts_block(Arch::pfn(first)) || !in_one_folio(Arch::pfn(first)))
      out.broken("I-PT-3", "the block of entries from {} on is not part of one folio", index);
  }

  const phys::PhysMemory* memory_;
};

}  // namespace quire::pagetable
