// kernel/kernel.h - puts the layers together: one modelled Linux kernel on one
// simulated machine.
//
// The laboratory drives this class; include/quire/kernel.h is the library's
// public face of it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/report.h"
#include "policy/settings.h"
#include "quire/result.h"
#include "reclaim/reclaimer.h"
#include "split/splitter.h"
#include "sysfs/thp_tree.h"
#include "vm/address_space.h"
#include "vm/system.h"

namespace quire::kernel {

// What a program looks like right after exec.
struct ExecImage {
  struct Segment {
    VirtRange range;
    vm::VmFlags flags;
    vm::FileRef file;
    std::uint64_t pgoff = 0;
  };
  std::vector<Segment> segments;  // in order of address; the stack is one of them
  VirtAddr start_brk;
  VirtAddr brk;
  // The strings of arguments and environment reach from here to the top of
  // the stack; the kernel writes them before the program runs, page by page.
  VirtAddr arg_start;
  VirtAddr stack_top;
};

// A machine, its kernel, and all address spaces on it.
//
// States      : made -> used by any number of address spaces -> destroyed with them
// Owns        : everything
// Locks       : one thread drives a Kernel; several Kernels share nothing
// Invariants  : those of all parts; check_invariants() looks at every one, and
//               I-KERNEL-1 frames handed out = folios' pages + page tables + zero pages + what
//               swap devices and zswap keep in RAM
//               I-KERNEL-2 where tables are checked, entries that show a page = the maps its folio counts
class Kernel {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Kernel>, Diagnostic> create(const phys::MemoryOptions& machine,
                                                                          const policy::Settings& settings);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  [[nodiscard]] vm::System& system() { return system_; }
  [[nodiscard]] const vm::System& system() const { return system_; }
  [[nodiscard]] sysfs::ThpTree& sysfs() { return sysfs_; }

  // An address space with nothing in it.
  [[nodiscard]] vm::AddressSpace& create_address_space();
  // The child's copy; kNoMem leaves none.
  [[nodiscard]] Result<vm::AddressSpace*, Errno> fork(vm::AddressSpace& parent);
  // Lays out a fresh address space as `image` says and writes the argument
  // pages. Returns the faults that took.
  [[nodiscard]] Result<std::uint64_t, Errno> exec(vm::AddressSpace& mm, const ExecImage& image);
  // Exit: unmaps and frees everything.
  void destroy(vm::AddressSpace& mm);
  [[nodiscard]] const std::list<std::unique_ptr<vm::AddressSpace>>& address_spaces() const { return spaces_; }

  // From now on zswap is enabled and stands before every device: before the first of them.
  // Percentages are of this machine's RAM, and its pool lies there. kUsage: a compressor's
  // level or threads that cannot be.
  [[nodiscard]] Result<void, Diagnostic> start_zswap(swap::ZswapOptions options);

  // swapon(2) and swapoff(2). A device that could not give everything back stays in
  // use; kIo or kNoMem says what stood in the way.
  [[nodiscard]] Result<std::uint8_t, Errno> swapon(std::unique_ptr<swap::Backend> device,
                                                   const swap::SwaponOptions& options = {});
  [[nodiscard]] Result<void, Errno> swapoff(std::uint8_t device);

  // From now on memory is taken back where it is short, and groups can have limits. Before
  // the first address space.
  void start_reclaim(const reclaim::Options& options = {});
  // Null: this machine takes nothing back.
  [[nodiscard]] reclaim::Reclaimer* reclaimer() { return reclaimer_.get(); }

  // Page tables of all address spaces, in frames.
  [[nodiscard]] PageCount table_pages() const;
  // A number that is equal for equal states: mappings, entries, counters.
  [[nodiscard]] std::uint64_t state_hash();

  void check_invariants(base::InvariantReport& out);

 private:
  [[nodiscard]] bool is_cached(const swap::Backend& device, std::uint64_t slot) const;
  [[nodiscard]] Result<void, Errno> empty(std::uint8_t device);
  void empty_cache(std::uint8_t device);
  void check_table_check(base::InvariantReport& out) const;
  Kernel(phys::PhysMemory memory, const policy::Settings& settings);

  vm::System system_;
  split::Splitter splitter_;
  sysfs::ThpTree sysfs_;
  std::unique_ptr<reclaim::Reclaimer> reclaimer_;
  std::map<const swap::Backend*, std::uint8_t> behind_zswap_;  // each device's number
  std::list<std::unique_ptr<vm::AddressSpace>> spaces_;
};

}  // namespace quire::kernel
