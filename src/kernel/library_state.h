// kernel/library_state.h - what the public Process holds inside.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "kernel/kernel.h"
#include "quire/kernel.h"
#include "vm/address_space.h"

namespace quire {

struct Process::State {
  vm::AddressSpace* mm = nullptr;
  // The pins it has taken, by the range that was asked for.
  struct Pin {
    VirtRange range;
    std::vector<Pfn> pages;
  };
  std::vector<Pin> pins;
};

struct Kernel::State {
  std::unique_ptr<kernel::Kernel> kernel;
  // Declared after the kernel: processes go first.
  std::map<std::uint32_t, Process*> processes;
  std::uint32_t next_pid = 1;
  // Whose each address space was, for records of those that are gone.
  std::map<std::uint32_t, std::uint32_t> pid_of_mm;
  // Shared anonymous memory: a file of its own for each mmap, as long as
  // somebody maps a part of it. Numbers no file of a caller has.
  std::vector<vm::FileId> shared;
  std::uint32_t next_shared = 1U << 27;

  [[nodiscard]] std::uint32_t pid_of(folio::MmId mm) const;
  [[nodiscard]] vm::FileRef new_shared();
  void drop_unmapped_shared();
};

}  // namespace quire
