// vm/not_huge.h - why a page is in a smaller folio than the settings' largest.
//
// Mirrors: nothing that Linux keeps. It says which of the conditions of
// handle_mm_fault, do_anonymous_page, thp_vma_allowable_orders and do_wp_page
// (Linux 6.18) stood in the way when the page came, or what happened since.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "phys/reserved_memory.h"
#include "policy/fault_orders.h"
#include "quire/access.h"
#include "quire/types.h"

namespace quire::phys {
class PhysMemory;
}

namespace quire::vm {

class AddressSpace;
struct System;
struct Vma;

enum class NotHuge : std::uint8_t {
  kNothing,           // it is as large as can be
  kSizeOff,           // the settings give nobody that size
  kNotAdvised,        // they give it to mappings with MADV_HUGEPAGE, which this is not
  kNohugepage,        // MADV_NOHUGEPAGE
  kPrctl,             // PR_SET_THP_DISABLE
  kUserfaultfd,       // a userfaultfd watches the mapping
  kStackSetup,        // arguments of exec, written before the stack stands where it will be
  kFile,              // a page of a file, or a private copy of one
  kShared,            // shared memory
  kTooShort,          // no aligned block of the size lies in the mapping
  kUnalignedEnd,      // the block reaches over an end of the mapping, and nothing else is there
  kOtherMapping,      // the block reaches into another mapping
  kHole,              // the block holds another mapping, and addresses of none
  kPopulated,         // other pages of the block were there already
  kTableInPlace,      // 2 MiB only: nothing is there but a page table, left by memory that went
  kZeroPage,          // the block was read first, which mapped zero pages
  kNotBesideFull,     // below 2 MiB, under anon_beside_full: no full block is beside it
  kAllocationFailed,  // no free block of the size
  kCopied,            // a copy of a page that fork had shared
  kSplit,             // it was as large, and was split
  kOutsideFault,      // made by no fault: UFFDIO_COPY, fork of a pinned page, a collapse
};

// "too_short"; and the words behind "because".
[[nodiscard]] std::string_view name_of(NotHuge why);
[[nodiscard]] std::string_view words_of(NotHuge why);
[[nodiscard]] std::span<const NotHuge> all_reasons();

// The size that memory is held against: the largest that the settings give
// anybody; 2 MiB where they give none.
[[nodiscard]] Order largest_order(const System& system);

// Remembers for each frame of anonymous memory why its folio is no larger, and
// whether it was ever written to. Off until somebody asks (System::reasons):
// one byte a frame, and a walk of the block at each fault.
//
// Owns        : the bytes
// Refers to   : the system
// Invariants  : I-WHY-1 a page in a folio smaller than largest_order() has a reason, while the
//                       settings stay as they are
class FolioReasons {
 public:
  explicit FolioReasons(const System& system);

  // A fault begins, and, if nothing is said, no fault is going on.
  void begin_fault(AddressSpace& mm, const Vma& vma, VirtAddr addr);
  void end_fault() { now_ = NotHuge::kOutsideFault; }

  // A folio was made for anonymous memory.
  void made(Pfn head, Order order);
  void wrote(Pfn page) { at(page) |= kWritten; }

  // Of a page of anonymous memory.
  [[nodiscard]] NotHuge why(Pfn page) const;
  // A page that was not holds nothing but zeroes.
  [[nodiscard]] bool written(Pfn page) const { return (at(page) & kWritten) != 0; }

 private:
  static constexpr std::uint8_t kWritten = 0x80;
  [[nodiscard]] std::uint8_t& at(Pfn page) const {
    return reinterpret_cast<std::uint8_t*>(bytes_.data())[page.raw()];
  }

  const System& system_;
  phys::ReservedMemory bytes_;
  NotHuge now_ = NotHuge::kOutsideFault;
};

// What stands in the way of a folio of largest_order() for a write to `addr` as
// things are; kNothing: only that frames may run out.
[[nodiscard]] NotHuge why_not_huge(AddressSpace& mm, const Vma& vma, VirtAddr addr);

}  // namespace quire::vm
