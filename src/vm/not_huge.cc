#include "vm/not_huge.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "vm/address_space.h"
#include "vm/fault_anon.h"

namespace quire::vm {
namespace {

struct Words {
  NotHuge why;
  std::string_view name;
  std::string_view words;
};

// In the order of the enumeration.
constexpr std::array kReasonWords{
    Words{NotHuge::kNothing, "nothing", "it is as large as can be"},
    Words{NotHuge::kSizeOff, "size_off", "the size is off"},
    Words{NotHuge::kNotAdvised, "not_advised", "not advised (MADV_HUGEPAGE)"},
    Words{NotHuge::kNohugepage, "nohugepage", "advised against (MADV_NOHUGEPAGE)"},
    Words{NotHuge::kPrctl, "prctl", "disabled by prctl"},
    Words{NotHuge::kUserfaultfd, "userfaultfd", "watched by userfaultfd"},
    Words{NotHuge::kStackSetup, "stack_setup", "exec's arguments"},
    Words{NotHuge::kFile, "file", "of a file"},
    Words{NotHuge::kShared, "shared", "shared memory"},
    Words{NotHuge::kTooShort, "too_short", "mapping too short"},
    Words{NotHuge::kUnalignedEnd, "unaligned_end", "unaligned end"},
    Words{NotHuge::kOtherMapping, "other_mapping", "another mapping in the block"},
    Words{NotHuge::kHole, "hole", "hole in the block"},
    Words{NotHuge::kPopulated, "populated", "block already populated"},
    Words{NotHuge::kTableInPlace, "table_in_place", "empty page table left in place"},
    Words{NotHuge::kZeroPage, "zero_page", "read first: zero page"},
    Words{NotHuge::kNotBesideFull, "not_beside_full", "no full block beside it"},
    Words{NotHuge::kAllocationFailed, "allocation_failed", "allocation failed"},
    Words{NotHuge::kCopied, "copied", "copied after fork"},
    Words{NotHuge::kSplit, "split", "split"},
    Words{NotHuge::kOutsideFault, "outside_fault", "made by no fault"},
};

constexpr auto kReasons = [] {
  std::array<NotHuge, kReasonWords.size()> reasons{};
  for (std::size_t i = 0; i < kReasonWords.size(); ++i) reasons[i] = kReasonWords[i].why;
  return reasons;
}();
static_assert(std::ranges::is_sorted(kReasons) && kReasons.back() == NotHuge::kOutsideFault &&
              kReasons.size() == static_cast<std::size_t>(NotHuge::kOutsideFault) + 1);

const Words& entry_of(NotHuge why) { return kReasonWords[static_cast<std::size_t>(why)]; }

// Bytes that are zeroes until somebody writes.
bool zeroed(NotHuge why) {
  return why != NotHuge::kCopied && why != NotHuge::kFile && why != NotHuge::kOutsideFault;
}

// The settings or the program have said no. In the order in which the kernel asks.
NotHuge forbidden(AddressSpace& mm, const Vma& vma, Order order) {
  const System& system = mm.system();
  policy::VmaHints hints = hints_of(vma);
  const auto allowed = [&](policy::ProcessThp process) {
    return policy::allowed_anon_orders(system.settings, system.masks, process, hints,
                                       policy::Caller::pagefault)
        .contains(order);
  };
  if (vma.uffd_armed() && order < kOrderPmd) return NotHuge::kUserfaultfd;
  if (allowed(mm.thp)) return NotHuge::kNothing;
  if (hints.nohugepage) return NotHuge::kNohugepage;
  if (allowed(policy::ProcessThp::kDefault)) return NotHuge::kPrctl;
  if (hints.temporary_stack) return NotHuge::kStackSetup;
  hints.hugepage = true;
  return allowed(policy::ProcessThp::kDefault) ? NotHuge::kNotAdvised : NotHuge::kSizeOff;
}

// The block does not lie in the mapping.
NotHuge cut_off(AddressSpace& mm, const Vma& vma, VirtAddr addr, Order order) {
  const VirtAddr first = vma.begin().align_up(order);
  if (!vma.range.covers({first, first + order.bytes()})) return NotHuge::kTooShort;
  const VirtRange block{addr.align_down(order), addr.align_down(order) + order.bytes()};
  bool others = false;
  bool gaps = false;
  for (VirtAddr at = block.begin; at < block.end;) {
    const Vma* const next = mm.mappings().find_first_from(at);
    const bool inside = next != nullptr && next->begin() < block.end;
    gaps = gaps || !inside || next->begin() > at;
    others = others || (inside && next != &vma);
    at = inside ? next->end() : block.end;
  }
  if (!others) return NotHuge::kUnalignedEnd;
  return gaps ? NotHuge::kHole : NotHuge::kOtherMapping;
}

// Something stands in the entries of the block.
NotHuge occupied(const Entry* first, std::uint64_t pages) {
  bool zeroes = false;
  for (const Entry* e = first; e != first + pages; ++e) {
    if (!none_or_zero(*e)) return NotHuge::kPopulated;
    zeroes = zeroes || !Native::is_none(*e);
  }
  return zeroes ? NotHuge::kZeroPage : NotHuge::kNothing;
}

// The settings want a full block beside it, and there is none: a table that is not there is empty.
bool is_declined(AddressSpace& mm, const Vma& vma, VirtAddr addr, const Entry* table, Order order) {
  if (!mm.system().settings.anon_beside_full || order == kOrderPmd) return false;
  return table == nullptr || !is_beside_full(mm, vma, addr, *table, order);
}

}  // namespace

std::string_view name_of(NotHuge why) { return entry_of(why).name; }
std::string_view words_of(NotHuge why) { return entry_of(why).words; }
std::span<const NotHuge> all_reasons() { return kReasons; }

Order largest_order(const System& system) {
  return system.possible_orders.empty() ? kOrderPmd : system.possible_orders.highest();
}

NotHuge why_not_huge(AddressSpace& mm, const Vma& vma, VirtAddr addr) {
  if (vma.is_shared()) return NotHuge::kShared;
  if (!vma.is_anonymous()) return NotHuge::kFile;
  const Order order = largest_order(mm.system());
  Entry* const pmd = mm.tables().peek_pmd(addr);
  const bool table = pmd != nullptr && Native::is_present(*pmd) && !Native::is_leaf(*pmd);
  if (table) {
    const Entry e = *mm.tables().pte(*pmd, addr);
    if (Native::is_present(e) && !Native::is_special(e)) return NotHuge::kCopied;
  }
  if (pmd != nullptr && Native::is_leaf(*pmd) && Native::pfn(*pmd) != mm.system().huge_zero.head)
    return NotHuge::kCopied;
  if (const NotHuge no = forbidden(mm, vma, order); no != NotHuge::kNothing) return no;
  if (!vma.block_fits(addr, order)) return cut_off(mm, vma, addr, order);
  if (table) {
    const NotHuge there = occupied(mm.tables().pte(*pmd, addr.align_down(order)), order.pages().raw());
    if (there != NotHuge::kNothing) return there;
    if (order == kOrderPmd) return NotHuge::kTableInPlace;
  }
  return is_declined(mm, vma, addr, table ? pmd : nullptr, order) ? NotHuge::kNotBesideFull
                                                                  : NotHuge::kNothing;
}

FolioReasons::FolioReasons(const System& system)
    : system_(system), bytes_(ByteCount(system.memory.total().raw()), phys::HostPages::kSmall) {
  QUIRE_CHECK_MSG(bytes_.data() != nullptr, "the host has no address space for one byte a frame");
}

void FolioReasons::begin_fault(AddressSpace& mm, const Vma& vma, VirtAddr addr) {
  now_ = why_not_huge(mm, vma, addr);
}

void FolioReasons::made(Pfn head, Order order) {
  NotHuge why = NotHuge::kNothing;
  if (order < largest_order(system_)) why = now_ == NotHuge::kNothing ? NotHuge::kAllocationFailed : now_;
  std::uint8_t byte = static_cast<std::uint8_t>(why);
  if (!zeroed(now_)) byte |= kWritten;
  std::fill_n(&at(head), order.pages().raw(), byte);
}

NotHuge FolioReasons::why(Pfn page) const {
  const auto noted = static_cast<NotHuge>(at(page) & ~kWritten);
  if (system_.folios.order_of(system_.folios.head_of(page)) >= largest_order(system_))
    return NotHuge::kNothing;
  return noted == NotHuge::kNothing ? NotHuge::kSplit : noted;
}

}  // namespace quire::vm
