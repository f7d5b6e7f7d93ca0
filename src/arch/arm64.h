// arch/arm64.h - page-table entries of arm64, bit for bit.
//
// Mirrors: arch/arm64/include/asm/pgtable*.h, Linux 6.18, stage 1, 48-bit
// addresses, base pages of 4, 16 or 64 KiB, a processor that keeps the access
// flag and the dirty state by itself (FEAT_HAFDBS). An entry is writable by
// its DBM bit; it is also dirty as soon as the hardware has cleared its
// read-only bit, or when the kernel's own bit says so. An entry that the
// hardware must not follow but that still holds a page (PROT_NONE) has the
// not-global bit in place of the valid bit.
#pragma once

#include <array>
#include <cstdint>

#include "arch/entry.h"
#include "quire/types.h"

namespace quire::arch {

// For base pages of 1 << kShift bytes: 12, 14 or 16.
template <unsigned kShift>
class Arm64 {
 public:
  static constexpr const char* kName = kShift == 12 ? "arm64" : kShift == 14 ? "arm64-16k" : "arm64-64k";
  static constexpr unsigned kPageShift = kShift;
  static constexpr unsigned kBitsPerLevel = kShift - 3;
  static constexpr unsigned kEntriesPerTable = 1U << kBitsPerLevel;
  static constexpr unsigned kLevels = (48 - kShift + kBitsPerLevel - 1) / kBitsPerLevel;
  static constexpr std::uint64_t kTaskSize = 1ULL << 48;
  // Entries that the contiguous bit ties together: 64 KiB with 4 KiB pages, else 2 MiB.
  static constexpr unsigned kContOrder = kShift == 12 ? 4 : kShift == 14 ? 7 : 5;

  static constexpr std::array<ZoneSpan, 2> kZones{{{"DMA", 4ULL << 30}, {"Normal", ~0ULL}}};

  [[nodiscard]] static constexpr bool is_none(Entry e) { return e.bits == 0; }
  // The entry holds a page or a table, whether or not the program may use it.
  [[nodiscard]] static constexpr bool is_present(Entry e) {
    return is_valid(e) || (e.bits & kPresentInvalid) != 0;
  }
  // At PMD level: the entry maps a block rather than pointing at a table.
  [[nodiscard]] static constexpr bool is_leaf(Entry e) { return is_present(e) && (e.bits & kTable) == 0; }
  [[nodiscard]] static constexpr bool is_writable(Entry e) { return (e.bits & kWrite) != 0; }
  [[nodiscard]] static constexpr bool is_dirty(Entry e) {
    return (e.bits & kDirty) != 0 || (e.bits & (kWrite | kReadOnly)) == kWrite;
  }
  [[nodiscard]] static constexpr bool is_young(Entry e) { return (e.bits & kAccessed) != 0; }
  // A guard marker: no page, and whoever touches it gets SIGSEGV.
  [[nodiscard]] static constexpr bool is_guard(Entry e) { return e == guard(); }
  // The page has no folio behind it that counts maps: the zero page.
  [[nodiscard]] static constexpr bool is_special(Entry e) {
    return is_present(e) && (e.bits & kSpecial) != 0;
  }
  // One of a block of entries that the hardware may hold as one.
  [[nodiscard]] static constexpr bool is_cont(Entry e) { return is_valid(e) && (e.bits & kCont) != 0; }
  [[nodiscard]] static constexpr bool is_valid(Entry e) { return (e.bits & kValid) != 0; }
  [[nodiscard]] static constexpr Pfn pfn(Entry e) { return Pfn((e.bits & kFrameMask) >> kShift); }

  // An entry that maps the frame (or, for a PMD, the block from it) with what
  // `access` allows. No access at all gives a PROT_NONE entry.
  [[nodiscard]] static constexpr Entry leaf(Pfn frame, Access access) {
    return with_access(Entry{(frame.raw() << kShift) | kUserPage | kTable}, access);
  }
  [[nodiscard]] static constexpr Entry huge_leaf(Pfn frame, Access access) {
    return with_access(Entry{(frame.raw() << kShift) | kUserPage}, access);
  }
  [[nodiscard]] static constexpr Entry table(Pfn frame) {
    return Entry{(frame.raw() << kShift) | kTableOfUser | kTable | kValid};
  }

  [[nodiscard]] static constexpr Entry make_writable(Entry e) {
    const Entry w{e.bits | kWrite};
    return (w.bits & kDirty) != 0 ? Entry{w.bits & ~kReadOnly} : w;
  }
  // What the hardware knew about writes moves to the kernel's own bit.
  [[nodiscard]] static constexpr Entry write_protect(Entry e) {
    const Entry kept = is_dirty(e) ? Entry{e.bits | kDirty} : e;
    return Entry{(kept.bits & ~kWrite) | kReadOnly};
  }
  [[nodiscard]] static constexpr Entry make_dirty(Entry e) {
    const Entry d{e.bits | kDirty};
    return is_writable(d) ? Entry{d.bits & ~kReadOnly} : d;
  }
  [[nodiscard]] static constexpr Entry make_clean(Entry e) { return Entry{(e.bits & ~kDirty) | kReadOnly}; }
  [[nodiscard]] static constexpr Entry make_young(Entry e) { return Entry{e.bits | kAccessed}; }
  [[nodiscard]] static constexpr Entry make_old(Entry e) { return Entry{e.bits & ~kAccessed}; }
  [[nodiscard]] static constexpr Entry make_special(Entry e) { return Entry{e.bits | kSpecial}; }
  [[nodiscard]] static constexpr Entry make_cont(Entry e) { return Entry{e.bits | kCont}; }
  [[nodiscard]] static constexpr Entry make_noncont(Entry e) { return Entry{e.bits & ~kCont}; }

  // What the table walker notes in the one entry it used.
  [[nodiscard]] static constexpr Entry hardware_touch(Entry e, Access access) {
    e = make_young(e);
    return access.write ? Entry{e.bits & ~kReadOnly} : e;
  }

  // What MADV_GUARD_INSTALL leaves: a swap entry of the last type, which
  // stands for markers, with the guard bit (2) as its offset.
  [[nodiscard]] static constexpr Entry guard() { return Entry{(kMarkerType << 6) | (1ULL << 2 << 12)}; }

  // Where a swapped-out page lies. "Exclusive" says of the page that comes back
  // what anon_exclusive says of one that is there.
  [[nodiscard]] static constexpr Entry swap(SwapEntry at) {
    return Entry{(std::uint64_t{at.device()} << 6) | (at.slot() << 12)};
  }
  [[nodiscard]] static constexpr bool is_swap(Entry e) {
    return !is_none(e) && !is_present(e) && swap_entry(e).device() < kFirstReservedType;
  }
  [[nodiscard]] static constexpr SwapEntry swap_entry(Entry e) {
    return {static_cast<std::uint8_t>((e.bits >> 6) & 0x1f), (e.bits >> 12) & ((1ULL << 50) - 1)};
  }
  [[nodiscard]] static constexpr bool is_swap_exclusive(Entry e) { return (e.bits & kSwapExclusive) != 0; }
  [[nodiscard]] static constexpr Entry make_swap_exclusive(Entry e) { return Entry{e.bits | kSwapExclusive}; }
  [[nodiscard]] static constexpr Entry make_swap_shared(Entry e) { return Entry{e.bits & ~kSwapExclusive}; }
  // The entry of the slot `n` further on, otherwise the same.
  [[nodiscard]] static constexpr Entry advance_swap(Entry e, std::uint64_t n) {
    return Entry{e.bits + (n << 12)};
  }

  // The same page with another protection; dirty, young and special stay.
  // Never adds the write bit: mprotect decides that page by page.
  [[nodiscard]] static constexpr Entry modify(Entry e, Access access) {
    const bool dirty = is_dirty(e);
    access.write = access.write && is_writable(e);
    const std::uint64_t kept =
        e.bits & (kFrameMask | kTable | kAccessed | kSpecial | kAttributes | kInnerShareable);
    const Entry changed = with_access(Entry{kept | kNotGlobal | kReadOnly}, access);
    return dirty ? make_dirty(changed) : changed;
  }

  // The next page's entry of a run: same bits, frame `n` further on.
  [[nodiscard]] static constexpr Entry advance(Entry e, std::uint64_t n) {
    return Entry{e.bits + (n << kShift)};
  }

  // Whether the hardware would let this access through.
  [[nodiscard]] static constexpr bool allows(Entry e, Access access) {
    if (!is_valid(e) || (e.bits & kUser) == 0) return false;
    if (access.write && !is_writable(e)) return false;
    return !(access.exec && (e.bits & kNoExec) != 0);
  }

  // Two entries of one run: neighbours in every bit but accessed, dirty, write,
  // and being tied together.
  [[nodiscard]] static constexpr bool continues(Entry first, Entry later, std::uint64_t distance) {
    constexpr std::uint64_t kIgnored = kAccessed | kDirty | kReadOnly | kWrite | kCont;
    return (advance(first, distance).bits & ~kIgnored) == (later.bits & ~kIgnored);
  }

 private:
  static constexpr std::uint64_t kValid = 1ULL << 0;
  static constexpr std::uint64_t kTable = 1ULL << 1;            // below the PMD level: a page
  static constexpr std::uint64_t kAttributes = 0ULL << 2;       // MT_NORMAL is index 0
  static constexpr std::uint64_t kUser = 1ULL << 6;             // AP[1]
  static constexpr std::uint64_t kReadOnly = 1ULL << 7;         // AP[2]
  static constexpr std::uint64_t kInnerShareable = 3ULL << 8;   // SH
  static constexpr std::uint64_t kAccessed = 1ULL << 10;        // AF
  static constexpr std::uint64_t kNotGlobal = 1ULL << 11;       // nG
  static constexpr std::uint64_t kPresentInvalid = kNotGlobal;  // of an entry that is not valid
  static constexpr std::uint64_t kWrite = 1ULL << 51;           // DBM
  static constexpr std::uint64_t kCont = 1ULL << 52;
  static constexpr std::uint64_t kPrivilegedNoExec = 1ULL << 53;
  static constexpr std::uint64_t kNoExec = 1ULL << 54;       // UXN
  static constexpr std::uint64_t kDirty = 1ULL << 55;        // software bit
  static constexpr std::uint64_t kSpecial = 1ULL << 56;      // software bit
  static constexpr std::uint64_t kTableOfUser = 1ULL << 59;  // PXNTable
  static constexpr std::uint64_t kMarkerType = 31;
  static constexpr std::uint64_t kFirstReservedType = 23;  // migration, device memory, poison, markers
  static constexpr std::uint64_t kSwapExclusive = 1ULL << 2;
  static constexpr std::uint64_t kFrameMask = (1ULL << 48) - (1ULL << kShift);
  static constexpr std::uint64_t kUserPage =
      kAttributes | kInnerShareable | kNotGlobal | kPrivilegedNoExec | kReadOnly;

  [[nodiscard]] static constexpr Entry with_access(Entry e, Access access) {
    if (!access.read && !access.write && !access.exec) {
      return Entry{(e.bits & ~kValid) | kPresentInvalid | kReadOnly | kNoExec | kPrivilegedNoExec};
    }
    return Entry{e.bits | kValid | kUser | kPrivilegedNoExec | (access.write ? kWrite : 0) |
                 (access.exec ? 0 : kNoExec)};
  }
};

}  // namespace quire::arch
