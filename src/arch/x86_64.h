// arch/x86_64.h - page-table entries of x86-64, bit for bit.
//
// Mirrors: arch/x86/include/asm/pgtable*.h, Linux 6.18, four levels, 4 KiB
// pages. Only this folder knows bits; the rest of Quire asks questions of an
// Entry and gets entries from this class. An entry the hardware must not
// follow but that still holds a page (PROT_NONE) has its frame number
// inverted, as the kernel does against speculation through such entries.
#pragma once

#include <array>
#include <cstdint>

#include "arch/entry.h"
#include "quire/types.h"

namespace quire::arch {

class X86_64 {  // NOLINT(readability-identifier-naming): as the architecture is written
 public:
  static constexpr const char* kName = "x86-64";
  static constexpr unsigned kPageShift = 12;
  static constexpr std::uint64_t kTaskSize = 0x7ffffffff000;
  static constexpr unsigned kContOrder = 0;  // nothing ties entries together
  static constexpr unsigned kLevels = 4;     // PTE, PMD, PUD, PGD
  static constexpr unsigned kEntriesPerTable = 512;
  static constexpr unsigned kBitsPerLevel = 9;

  static constexpr std::array<ZoneSpan, 3> kZones{
      {{"DMA", 16ULL << 20}, {"DMA32", 4ULL << 30}, {"Normal", ~0ULL}}};

  [[nodiscard]] static constexpr bool is_none(Entry e) { return e.bits == 0; }
  // The entry holds a page or a table, whether or not the program may use it.
  [[nodiscard]] static constexpr bool is_present(Entry e) { return (e.bits & (kPresent | kProtNone)) != 0; }
  // At PMD level: the entry maps 2 MiB rather than pointing at a table.
  [[nodiscard]] static constexpr bool is_leaf(Entry e) { return (e.bits & kPageSize) != 0; }
  [[nodiscard]] static constexpr bool is_writable(Entry e) { return (e.bits & kWrite) != 0; }
  [[nodiscard]] static constexpr bool is_dirty(Entry e) { return (e.bits & kDirty) != 0; }
  [[nodiscard]] static constexpr bool is_young(Entry e) { return (e.bits & kAccessed) != 0; }
  // A guard marker: no page, and whoever touches it gets SIGSEGV.
  [[nodiscard]] static constexpr bool is_guard(Entry e) { return e == guard(); }
  // The page has no folio behind it that counts maps: the zero page.
  [[nodiscard]] static constexpr bool is_special(Entry e) { return (e.bits & kSpecial) != 0; }
  [[nodiscard]] static constexpr Pfn pfn(Entry e) {
    const std::uint64_t bits = (e.bits & (kPresent | kProtNone)) == kProtNone ? ~e.bits : e.bits;
    return Pfn((bits & kFrameMask) >> kPageShift);
  }

  // An entry that maps the frame (or, for a PMD, the 2 MiB from it) with what
  // `access` allows. No access at all gives a PROT_NONE entry.
  [[nodiscard]] static constexpr Entry leaf(Pfn frame, Access access) {
    return with_access(Entry{(frame.raw() << kPageShift) | kPresent | kUser}, access);
  }
  [[nodiscard]] static constexpr Entry huge_leaf(Pfn frame, Access access) {
    return with_access(Entry{(frame.raw() << kPageShift) | kPresent | kUser | kPageSize}, access);
  }
  [[nodiscard]] static constexpr Entry table(Pfn frame) {
    return Entry{(frame.raw() << kPageShift) | kPresent | kWrite | kUser | kAccessed | kDirty};
  }

  [[nodiscard]] static constexpr Entry make_writable(Entry e) { return Entry{e.bits | kWrite}; }
  [[nodiscard]] static constexpr Entry write_protect(Entry e) { return Entry{e.bits & ~kWrite}; }
  [[nodiscard]] static constexpr Entry make_dirty(Entry e) { return Entry{e.bits | kDirty}; }
  [[nodiscard]] static constexpr Entry make_clean(Entry e) { return Entry{e.bits & ~kDirty}; }
  [[nodiscard]] static constexpr Entry make_young(Entry e) { return Entry{e.bits | kAccessed}; }
  [[nodiscard]] static constexpr Entry make_old(Entry e) { return Entry{e.bits & ~kAccessed}; }
  [[nodiscard]] static constexpr Entry make_special(Entry e) { return Entry{e.bits | kSpecial}; }

  [[nodiscard]] static constexpr bool is_cont(Entry /*e*/) { return false; }
  [[nodiscard]] static constexpr bool is_valid(Entry e) { return (e.bits & kPresent) != 0; }
  [[nodiscard]] static constexpr Entry make_cont(Entry e) { return e; }
  [[nodiscard]] static constexpr Entry make_noncont(Entry e) { return e; }

  // What the table walker notes in the entry it used.
  [[nodiscard]] static constexpr Entry hardware_touch(Entry e, Access access) {
    e = make_young(e);
    return access.write ? make_dirty(e) : e;
  }

  // What MADV_GUARD_INSTALL leaves: a swap entry of the last type, which
  // stands for markers, with the guard bit (2) as its (inverted) offset.
  [[nodiscard]] static constexpr Entry guard() {
    return Entry{(kMarkerType << 59) | ((~std::uint64_t{1U << 2} << 14) >> 5)};
  }

  // Where a swapped-out page lies. The slot is stored inverted, as the kernel
  // does against speculation through such entries. "Exclusive" says of the page
  // that comes back what anon_exclusive says of one that is there.
  [[nodiscard]] static constexpr Entry swap(SwapEntry at) {
    return Entry{(std::uint64_t{at.device()} << 59) | ((~at.slot() << 14) >> 5)};
  }
  [[nodiscard]] static constexpr bool is_swap(Entry e) {
    return !is_none(e) && !is_present(e) && (e.bits >> 59) < kFirstReservedType;
  }
  [[nodiscard]] static constexpr SwapEntry swap_entry(Entry e) {
    return {static_cast<std::uint8_t>(e.bits >> 59), (~e.bits << 5) >> 14};
  }
  [[nodiscard]] static constexpr bool is_swap_exclusive(Entry e) { return (e.bits & kSwapExclusive) != 0; }
  [[nodiscard]] static constexpr Entry make_swap_exclusive(Entry e) { return Entry{e.bits | kSwapExclusive}; }
  [[nodiscard]] static constexpr Entry make_swap_shared(Entry e) { return Entry{e.bits & ~kSwapExclusive}; }
  // The entry of the slot `n` further on, otherwise the same.
  [[nodiscard]] static constexpr Entry advance_swap(Entry e, std::uint64_t n) {
    return Entry{swap(swap_entry(e) + PageCount(n)).bits | (e.bits & kSwapExclusive)};
  }

  // The same page with another protection; dirty, young and special stay.
  // Never adds the write bit: mprotect decides that page by page.
  [[nodiscard]] static constexpr Entry modify(Entry e, Access access) {
    const Entry kept{(pfn(e).raw() << kPageShift) |
                     (e.bits & (kDirty | kAccessed | kSpecial | kPageSize | kWrite)) | kPresent | kUser};
    const bool was_writable = is_writable(e);
    access.write = access.write && was_writable;
    return with_access(Entry{kept.bits & ~kWrite}, access);
  }

  // The next page's entry of a run: same bits, frame `n` further on.
  [[nodiscard]] static constexpr Entry advance(Entry e, std::uint64_t n) {
    if ((e.bits & (kPresent | kProtNone)) == kProtNone) return Entry{e.bits - (n << kPageShift)};
    return Entry{e.bits + (n << kPageShift)};
  }

  // Whether the hardware would let this access through.
  [[nodiscard]] static constexpr bool allows(Entry e, Access access) {
    if ((e.bits & kPresent) == 0) return false;
    if (access.write && !is_writable(e)) return false;
    return !(access.exec && (e.bits & kNoExec) != 0);
  }

  // Two entries of one run: neighbours in every bit but accessed, dirty and write.
  [[nodiscard]] static constexpr bool continues(Entry first, Entry later, std::uint64_t distance) {
    constexpr std::uint64_t kIgnored = kAccessed | kDirty | kWrite;
    return (advance(first, distance).bits & ~kIgnored) == (later.bits & ~kIgnored);
  }

 private:
  static constexpr std::uint64_t kPresent = 1ULL << 0;
  static constexpr std::uint64_t kWrite = 1ULL << 1;
  static constexpr std::uint64_t kUser = 1ULL << 2;
  static constexpr std::uint64_t kAccessed = 1ULL << 5;
  static constexpr std::uint64_t kDirty = 1ULL << 6;
  static constexpr std::uint64_t kPageSize = 1ULL << 7;
  static constexpr std::uint64_t kProtNone = 1ULL << 8;  // the hardware's Global bit, unused in user entries
  static constexpr std::uint64_t kSpecial = 1ULL << 9;   // software bit
  static constexpr std::uint64_t kNoExec = 1ULL << 63;
  static constexpr std::uint64_t kMarkerType = 31;
  static constexpr std::uint64_t kFirstReservedType = 23;  // migration, device memory, poison, markers
  static constexpr std::uint64_t kSwapExclusive = 1ULL << 3;
  static constexpr std::uint64_t kFrameMask = 0x000ffffffffff000ULL;

  [[nodiscard]] static constexpr Entry with_access(Entry e, Access access) {
    if (!access.read && !access.write && !access.exec) {
      const std::uint64_t flipped = (e.bits & ~kFrameMask) | (~e.bits & kFrameMask);
      return Entry{(flipped & ~(kPresent | kWrite | kUser)) | kProtNone | kNoExec};
    }
    return Entry{e.bits | (access.write ? kWrite : 0) | (access.exec ? 0 : kNoExec)};
  }
};

}  // namespace quire::arch
