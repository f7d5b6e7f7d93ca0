// policy/policy.h - a policy: settings, and a few decisions that settings do
// not express.
//
// Mirrors: nothing of the kernel, which has one policy built in: kLinux618.
// The others are proposals, vendor kernels and history, one file each in
// policy/named/; docs/reference/policies.md lists them.
//
// A decision is a pure function of Facts or a value. Leaving one out means
// "as Linux 6.18". Mechanism asks; nothing here knows page tables or folios.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "policy/fault_orders.h"
#include "policy/settings.h"

namespace quire::policy {

// What a decision about one anonymous mapping may depend on.
struct Facts {
  const Settings& settings;
  const AnonOrderMasks& masks;
  ProcessThp process;
  const VmaHints& hints;  // not copied: this is asked on every fault
  Caller caller;
};

// What a read of memory that nothing was ever stored in maps, below 2 MiB.
enum class ZeroPages : std::uint8_t {
  kSmall,          // one 4 KiB zero page; a write to it copies 4 KiB
  kFolio64K,       // sixteen entries of a 64 KiB zero folio, where the block is empty
  kExpandOnWrite,  // one 4 KiB zero page; a write to it may get a large folio
};

// How a large folio counts the entries that map it.
enum class MapCounts : std::uint8_t {
  kPerPage,  // every entry counts on the page it maps
  kEntire,   // sixteen entries of a whole 64 KiB folio count once
};

// Where khugepaged looks next.
enum class ScanOrder : std::uint8_t {
  kInTurn,         // address spaces as they came, addresses upwards
  kDirectedFirst,  // first where a 2 MiB mapping was just copied or split
};

// What becomes of a 2 MiB folio when a part of its mapping changes.
enum class PmdSplit : std::uint8_t {
  kEntryOnly,  // the PMD entry; the folio stays whole
  kFolio,      // the folio as well, for everybody who maps it
};

// How large what comes back from swap may be.
enum class SwapIn : std::uint8_t {
  kSingle,      // one page at a time: a folio that went out large is lost (until 6.11)
  kPastCache,   // large past the swap cache: synchronous devices, entries nobody else has
  kAlsoCached,  // and through it, from any device, for entries that others share
};

// What a 2 MiB mapping becomes when its folio goes to swap.
enum class PmdSwap : std::uint8_t {
  kTable,  // a table of 512 entries: it comes back in smaller folios
  kEntry,  // one entry, which comes back as one
};

// How a folio's entries and its slots on a device belong together.
enum class SwapSlots : std::uint8_t {
  kInARow,  // slots in a row, aligned to the folio: a fragmented device takes none whole
  kAny,     // any slots, behind an indirection
};

// Whether it is known which memory will be used.
enum class Foresight : std::uint8_t {
  kNone,
  kFaults,  // a fault gets only sizes all pages of which will be written to (vm::System::foreseen)
};

struct Policy {
  // Whether the hugepages-<size>kB/enabled files say which sizes are on. If not, no word may name sizes.
  enum class Sizes : std::uint8_t { kByFiles, kOwn };

  std::string_view name;
  std::string_view about;    // one sentence for the reference
  std::string_view systems;  // of the systems this project implements: "5, 7, 8"
  Sizes sizes = Sizes::kByFiles;
  void (*adjust)(Settings&) =
      nullptr;  // what its name says of the settings, beyond what Linux 6.18 boots with
  std::span<const std::string_view> files{};  // settings files that only it has (extra_attributes)

  // Orders 2 to 9 the caller may use for the mapping.
  OrderSet (*orders)(const Facts&) = nullptr;
  // Orders 2 to 8 the copy may have when a page of a shared large folio is written to. Left out: 4 KiB.
  OrderSet (*cow_orders)(const Facts&) = nullptr;
  // Whether a write to a shared 2 MiB mapping copies all of it. Left out: no, the entry is split.
  bool (*copies_pmd)(const Facts&) = nullptr;
  // Orders 2 to 9 khugepaged may collapse to. Left out: 9 where `orders` has it.
  OrderSet (*collapse_orders)(const Facts&) = nullptr;
  // Whether a mapping of this name is marked for large folios. Left out: names mean nothing.
  bool (*marks_name)(std::string_view) = nullptr;
  // Whether a process of this name gets none. Left out: all are alike.
  bool (*excepts_process)(std::string_view) = nullptr;
  ZeroPages zero_pages = ZeroPages::kSmall;
  MapCounts map_counts = MapCounts::kPerPage;
  ScanOrder scan_order = ScanOrder::kInTurn;
  PmdSplit pmd_split = PmdSplit::kEntryOnly;
  SwapIn swap_in = SwapIn::kPastCache;
  PmdSwap pmd_swap = PmdSwap::kTable;
  SwapSlots swap_slots = SwapSlots::kInARow;
  Foresight foresight = Foresight::kNone;
  bool takes_size_sets = false;   // Process::madvise_sizes
  bool takes_cow_advice = false;  // MADV_THP_COW and MADV_NO_THP_COW
};

// All, the default first: kLinux618, which leaves every decision out.
[[nodiscard]] std::span<const Policy* const> named_policies();
// The one of this name, or nullptr.
[[nodiscard]] const Policy* find_policy(std::string_view name);
// What its name alone says.
[[nodiscard]] Settings settings_of(const Policy& policy);

// --- For policies that are made of what Linux 6.18 does ---

// What Linux 6.18 decides.
[[nodiscard]] OrderSet linux_orders(const Facts& facts);
// MADV_NOHUGEPAGE or prctl has said no to every size.
[[nodiscard]] bool thp_disabled(const Facts& facts);
[[nodiscard]] constexpr bool for_fault(Caller caller) {
  return caller == Caller::pagefault || caller == Caller::smaps;
}

// The decisions for the nine combinations of hint and global switch, and for prctl, as a table in the words
// of the discussions of 2023: S is a single page, LAF a large folio mapped by page-table entries, THP one
// mapped by a PMD, > a fallback. `show` turns the orders of one cell into text.
using ShowOrders = std::string (*)(OrderSet);
[[nodiscard]] std::string in_terms(OrderSet orders);  // "THP>LAF>S"
[[nodiscard]] std::string in_sizes(OrderSet orders);  // "2M>64K>32K>4K"
[[nodiscard]] std::string decision_table(const Settings& settings, ShowOrders show = in_terms);

}  // namespace quire::policy
