// vm/system.h - what all address spaces of one modelled kernel share.
//
// Owned by kernel::Kernel; the mechanisms of this folder get it through their
// AddressSpace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compress/page_source.h"
#include "folio/folios.h"
#include "pagetable/page_table.h"
#include "phys/memory.h"
#include "policy/fault_orders.h"
#include "policy/settings.h"
#include "stats/counters.h"
#include "swap/swap_space.h"
#include "swap/zswap.h"
#include "vm/anon_vma.h"
#include "vm/khugepaged.h"
#include "vm/not_huge.h"
#include "vm/page_cache.h"
#include "vm/reclaim_port.h"
#include "vm/swap_readahead.h"

namespace quire::vm {

// Why a folio was not split. The laboratory counts these.
enum class SplitError : std::uint8_t {
  kBusy,       // extra references: pinned, or mapped elsewhere than expected
  kNoAnonVma,  // its anon_vma is gone
  kTooSmall,   // no larger than the pieces wanted
  kOrder1,     // two pages cannot be an anonymous folio
  kSwapCache,  // in the swap cache: to single pages or not at all
};

// What a folio is to be split into: pieces of one order, or, round one page
// of it, that order and everything else in as large pieces as can be.
// Whoever gives a list keeps a reference on each piece but the first, in order
// of address, mapped or not (the kernel's split_folio_to_list).
struct SplitRequest {
  Order to = kOrder0;
  std::optional<PageCount> round;
  std::vector<Pfn>* pieces = nullptr;
};

// Splitting needs the reverse map and every mapping of the folio; it lives
// above this folder (split/) and is wired in by the kernel.
class SplitPort {
 public:
  virtual ~SplitPort() = default;
  // Splits an anonymous folio into smaller ones, which stay mapped where the
  // folio was. The caller holds one reference on `head` besides the maps',
  // which stays with the piece that begins there.
  virtual Result<void, SplitError> split_folio(Pfn head, const SplitRequest& request) = 0;
};

// Memory that a swap device could not give back: whose it was, where it lay. The device may be
// out of use, and its number another's, when somebody looks.
struct SwapLoss {
  folio::MmId mm;
  VirtAddr addr;  // of the page
  SwapEntry entry;
  swap::IoError why = swap::IoError::kRead;
  std::string device;     // its name
  bool in_zswap = false;  // the page had not reached it
};

// The zero-filled 2 MiB folio all huge read faults map. Made at the first
// use, freed with its last user.
struct HugeZeroFolio {
  Pfn head = Pfn::invalid();
  std::uint32_t users = 0;  // address spaces
};

struct System {
  explicit System(phys::PhysMemory ram);
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  void set_settings(const policy::Settings& s) {
    settings = s;
    masks = policy::masks_of(s);
    possible_orders = policy::possible_orders(settings, masks);
    if (!policy::khugepaged_enabled(settings, masks)) khugepaged.stop();
  }

  // From now on every change of an entry is checked: before the first address space.
  void check_tables() { tables.check = std::make_unique<pagetable::TableCheck>(memory); }
  // From now on it is remembered why memory is in small folios: before the first address space.
  void remember_reasons() { reasons = std::make_unique<FolioReasons>(*this); }
  // What only the named policy of the settings needs. Once, after the settings are known.
  void prepare_policy();

  phys::PhysMemory memory;
  stats::Counters counters;
  folio::Folios folios;
  compress::MachinePages pool_pages{memory};  // what is compressed lies in this RAM
  std::unique_ptr<swap::Zswap> zswap;         // before all swap devices; null: there is none
  swap::SwapSpace swap;
  AnonVmaRegistry anon_vmas;
  PageCache page_cache;
  pagetable::TableUsage tables;
  policy::Settings settings;
  policy::AnonOrderMasks masks;
  OrderSet possible_orders;  // that a fault of anybody could be allowed
  OrderSet foreseen;         // under a policy with foresight: orders the fault to come will fill
  Pfn zero_page = Pfn::invalid();
  Pfn zero_folio = Pfn::invalid();  // of 64 KiB, only under policies that map one
  HugeZeroFolio huge_zero;
  SplitPort* split = nullptr;
  ReclaimPort* reclaim = nullptr;
  AddressSpace* current = nullptr;  // whose fault or call is going on (CurrentMm)
  std::vector<Pfn> busy;            // folios somebody works with (BusyFolio)
  std::vector<OomKill> oom_kills;   // everybody who was ended for want of memory, in order
  Khugepaged khugepaged{*this};
  SwapReadahead swap_readahead{*this};
  std::vector<SwapLoss> swap_losses;  // one for each access that met one
  void note_swap_loss(folio::MmId mm, VirtAddr addr, SwapEntry entry, swap::IoError why);
  // The shrinker of all pools of compressed objects: those of devices, and zswap's.
  [[nodiscard]] PageCount compactable_pages() const;
  PageCount compact_pools();
  std::uint32_t next_mm_id = 1;
  std::unique_ptr<FolioReasons> reasons;  // null: nobody asked
};

// Splits the folio, taking the reference that takes. False when it stays whole.
[[nodiscard]] bool split_folio(System& system, Pfn head, const SplitRequest& request = {});

}  // namespace quire::vm
