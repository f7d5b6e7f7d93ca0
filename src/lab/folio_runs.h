// lab/folio_runs.h - the folios of a mapping as runs of equal neighbours, each with
// why it is no larger: what a folio map is drawn from.
#pragma once

#include <vector>

#include "quire/types.h"
#include "vm/address_space.h"
#include "vm/not_huge.h"

namespace quire::lab {

struct FolioRun {
  PageCount offset;  // from the beginning of the mapping
  PageCount span;
  Order order;         // of the folios; of most of the pages where several runs were joined
  PageCount resident;  // less than span where runs with gaps between them were joined
  PageCount touched;   // of them, by the program
  vm::NotHuge why = vm::NotHuge::kNothing;
  bool operator==(const FolioRun&) const = default;

  [[nodiscard]] PageCount end() const { return offset + span; }
};

// The anonymous folios of a mapping, in order of address. The reasons are those that the system
// remembers (vm::System::remember_reasons), if it does.
[[nodiscard]] std::vector<FolioRun> folio_runs(vm::AddressSpace& mm, const vm::Vma& vma);

// Joins neighbours that together span no more than `most`.
[[nodiscard]] std::vector<FolioRun> coarser(const std::vector<FolioRun>& runs, PageCount most);

}  // namespace quire::lab
