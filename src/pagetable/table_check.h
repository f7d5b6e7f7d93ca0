// pagetable/table_check.h - watches every change of a page-table entry and
// stops the program at the first that cannot be right.
//
// Mirrors: the purpose of mm/page_table_check.c, Linux 6.18: for each frame,
// how many user entries show it, of which kind, and whether they allow
// writing. Differs: it also knows whether a folio accounts for the frame, which
// is what a helper gets wrong that sets an entry before the reverse map; it
// follows changes from read-only to writable.
//
// On in builds without NDEBUG and under sanitizers; elsewhere by
// MachineOptions::table_checks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arch/native.h"
#include "phys/memory.h"

namespace quire::pagetable {

// Counts what the entries of all address spaces of a machine show.
//
// Refers to   : the machine's memory
// Invariants  : I-PTC-1 a shown frame belongs to an anonymous or a file folio, or is a zero page
//               I-PTC-2 no frame is shown as anonymous and as a file's at once
//               I-PTC-3 an anonymous frame that an entry allows to write is shown by that entry alone
//               I-PTC-4 no entry is taken away that was not counted
class TableCheck {
 public:
  explicit TableCheck(const phys::PhysMemory& memory);

  // What the checker does in a build where nobody says anything.
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool kOnInThisBuild = true;
#else
  static constexpr bool kOnInThisBuild = false;
#endif

  // Entries of PTE tables that show consecutive frames from `first` on come or
  // go. Those that are not present or special do not count.
  void ptes_come(arch::Entry first, std::uint32_t n);
  void pte_goes(arch::Entry e);
  // A PMD entry changes, from and to anything.
  void pmd_changes(arch::Entry from, arch::Entry to);

  // How often entries show the frame, PMDs included.
  [[nodiscard]] std::uint32_t maps(Pfn frame) const {
    return maps_[frame.raw()].readers + maps_[frame.raw()].writers;
  }
  // No frame from here on was ever shown.
  [[nodiscard]] Pfn end() const { return end_; }

 private:
  struct Maps {
    std::uint32_t readers = 0;
    std::uint32_t writers = 0;
    bool file = false;
  };
  struct Free {
    void operator()(Maps* maps) const;
  };
  void come(Pfn first, std::uint32_t n, bool writable, const char* entry);
  void go(Pfn first, std::uint32_t n, bool writable, const char* entry);

  const phys::PhysMemory& memory_;
  std::unique_ptr<Maps[], Free> maps_;  // one a frame; untouched parts cost nothing
  Pfn end_;
};

}  // namespace quire::pagetable
