// vm/charge.h - a folio for an address space: memory and the right to it.
//
// Mirrors: vma_alloc_folio with mem_cgroup_charge, and vma_thp_gfp_mask, Linux 6.18.
#pragma once

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// Why there is no folio.
enum class NoFolio : std::uint8_t {
  kMemory,  // no block of that order
  kCharge,  // there was one, but a group's limit forbids it
};

// A folio with one reference, not mapped, contents as they were, counted against the
// address space's group.
[[nodiscard]] Result<Pfn, NoFolio> alloc_folio(AddressSpace& mm, Order order,
                                               phys::Effort effort = phys::Effort::kDirect);

// The same for what comes back from swap: counted against the group it went from.
[[nodiscard]] Result<Pfn, NoFolio> alloc_swapped_folio(System& system, SwapEntry entry, Order order,
                                                       phys::Effort effort = phys::Effort::kDirect);

// How hard a fault may try for a large folio: the `defrag` file and the mapping's advice.
[[nodiscard]] phys::Effort large_folio_effort(const System& system, const Vma& vma);

// As long as it lives reclaim leaves the folio where it is: somebody works with the entries
// that show it (the kernel would find them changed and fault again).
class BusyFolio {
 public:
  BusyFolio(System& system, Pfn head) : system_(system) { system_.busy.push_back(head); }
  ~BusyFolio() { system_.busy.pop_back(); }
  BusyFolio(const BusyFolio&) = delete;
  BusyFolio& operator=(const BusyFolio&) = delete;

 private:
  System& system_;
};

// Whose work is going on: it is not taken apart when memory runs out, but told so.
class CurrentMm {
 public:
  explicit CurrentMm(AddressSpace& mm) : system_(mm.system()), before_(mm.system().current) {
    system_.current = &mm;
  }
  ~CurrentMm() { system_.current = before_; }
  CurrentMm(const CurrentMm&) = delete;
  CurrentMm& operator=(const CurrentMm&) = delete;

 private:
  System& system_;
  AddressSpace* const before_;
};

}  // namespace quire::vm
