// split/splitter.h - turning one anonymous folio into smaller ones in place.
//
// Mirrors: __folio_split, unmap_folio, remap_page,
// try_to_map_unused_to_zeropage, Linux 6.18. Differs: anonymous folios only.
#pragma once

#include <vector>

#include "vm/address_space.h"
#include "vm/rmap_walk.h"
#include "vm/system.h"

namespace quire::split {

// Splits folios for whoever asks through vm::SplitPort.
//
// Refers to : the system, whose reverse map leads to every mapping
class Splitter final : public vm::SplitPort {
 public:
  explicit Splitter(vm::System& system) : system_(system) {}

  // While the folio is taken apart nothing maps it; then each page is mapped
  // again where it was, in a smaller folio. A 4 KiB piece that is all zeroes
  // (or, when contents are not kept, was never touched) gives way to the zero
  // page. A folio with references besides its maps and the caller's one stays
  // whole. An order that cannot be is refused without a word in the counters.
  Result<void, vm::SplitError> split_folio(Pfn head, const vm::SplitRequest& request) override;

 private:
  // One entry that showed a page of the folio.
  struct Place {
    vm::AddressSpace* mm;
    vm::Vma* vma;
    VirtAddr addr;
    Pfn page;
    arch::Entry entry;
    folio::Exclusive exclusive;
  };

  void unmap(Pfn head, std::vector<Place>& places);
  void unmap_page(const vm::MappedRun& run, std::uint32_t i, Pfn head, std::vector<Place>& places);
  void unmap_huge(vm::Vma& vma, arch::Entry& pmd, VirtAddr block, std::vector<Place>& places);
  void remap(const Place& place);
  [[nodiscard]] vm::SplitError failed(Order order, vm::SplitError why);

  vm::System& system_;
};

}  // namespace quire::split
