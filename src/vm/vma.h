// vm/vma.h - one mapping of an address space.
//
// Mirrors: struct vm_area_struct, Linux 6.18.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "quire/types.h"
#include "vm/file_ref.h"
#include "vm/vma_flags.h"

namespace quire::vm {

class AddressSpace;
class AnonVma;
class MappingTree;
struct Vma;

// Links one Vma with one AnonVma that may hold pages of it (the kernel's
// anon_vma_chain). Made and destroyed by AnonVmaRegistry only.
struct AnonVmaChain {
  Vma* vma = nullptr;
  AnonVma* anon_vma = nullptr;
  boost::intrusive::list_member_hook<> same_vma_hook;  // on Vma::anon_vma_chain only

  // Node of AnonVma's interval tree over page offsets; only that tree touches these.
  std::uint64_t pgoff_first = 0;
  std::uint64_t pgoff_last = 0;
  std::uint64_t pgoff_subtree_last = 0;
  std::uint64_t sequence = 0;
  AnonVmaChain* left = nullptr;
  AnonVmaChain* right = nullptr;
};

using AnonVmaChainList =
    boost::intrusive::list<AnonVmaChain,
                           boost::intrusive::member_hook<AnonVmaChain, boost::intrusive::list_member_hook<>,
                                                         &AnonVmaChain::same_vma_hook>>;

// The last readahead from swap in a mapping (the kernel's swap_readahead_info).
// A new mapping begins as if four pages of it had been hits.
struct SwapWindow {
  VirtAddr at;
  std::uint32_t pages = 0;
  std::uint32_t hits = 4;
};

// A range of addresses that is mapped in one way.
//
// Owned by one MappingTree, which alone changes range, pgoff, anon_vma and
// the chain; the address does not change while the mapping lives. Others read.
struct Vma {
  VirtRange range;
  VmFlags flags;
  FileRef file;
  // Page offset in the file. For private anonymous memory the number of the
  // page where the mapping was first made; it stays so when mremap moves it,
  // so that a page keeps its index and the reverse map keeps finding it.
  std::uint64_t pgoff = 0;
  AnonVma* anon_vma = nullptr;  // where new anonymous pages of this mapping belong; null until one was needed
  AddressSpace* mm = nullptr;   // the owner; opaque here
  std::uint32_t userfaultfd_ctx = 0;  // which userfaultfd watches it, 0 = none
  std::uint32_t anon_name = 0;        // PR_SET_VMA_ANON_NAME, interned; 0 = none
  SwapWindow swap_window;             // of faults, which change it
  AnonVmaChainList anon_vma_chain;    // every anon_vma that may hold its pages, the newest first
  boost::intrusive::set_member_hook<> tree_hook;

  [[nodiscard]] VirtAddr begin() const { return range.begin; }
  [[nodiscard]] VirtAddr end() const { return range.end; }
  [[nodiscard]] PageCount pages() const { return pages_between(range.begin, range.end); }
  // The kernel's vma_is_anonymous: private memory without a file.
  [[nodiscard]] bool is_anonymous() const { return file.is_none(); }
  [[nodiscard]] bool is_shared() const { return flags.has(VmFlag::kShared); }
  // A private mapping that may be written to: its pages are copied on write.
  [[nodiscard]] bool is_cow() const {
    return (flags & (VmFlag::kShared | VmFlag::kMayWrite)) == VmFlags(VmFlag::kMayWrite);
  }
  [[nodiscard]] bool is_accessible() const { return flags.has_any(kVmAccessFlags); }
  [[nodiscard]] bool is_special() const { return flags.has_any(kVmSpecial); }
  [[nodiscard]] bool is_temporary_stack() const { return flags.has(VmFlag::kStackIncompleteSetup); }
  [[nodiscard]] bool uffd_armed() const { return flags.has_any(kVmUffdFlags); }

  // The index of the page at `addr` in its file or anon_vma (the kernel's
  // linear_page_index), and back. `addr` / the index must lie in the mapping.
  [[nodiscard]] std::uint64_t page_index(VirtAddr addr) const {
    return pgoff + pages_between(range.begin, addr.align_down()).raw();
  }
  [[nodiscard]] VirtAddr address_of(std::uint64_t page_index) const {
    return range.begin + PageCount(page_index - pgoff);
  }
  [[nodiscard]] std::uint64_t last_page_index() const { return pgoff + pages().raw() - 1; }
  // Whether the naturally aligned block of `order` round `addr` lies in the mapping.
  [[nodiscard]] bool block_fits(VirtAddr addr, Order order) const {
    const VirtAddr first = addr.align_down(order);
    return range.covers({first, first + order.bytes()});
  }
};

}  // namespace quire::vm
