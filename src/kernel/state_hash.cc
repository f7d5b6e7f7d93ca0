#include <xxhash.h>

#include "kernel/kernel.h"

namespace quire::kernel {
namespace {

class Hasher {
 public:
  Hasher() : state_(XXH3_createState()) { XXH3_64bits_reset(state_); }
  ~Hasher() { XXH3_freeState(state_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(std::uint64_t n) { XXH3_64bits_update(state_, &n, sizeof n); }
  [[nodiscard]] std::uint64_t value() const { return XXH3_64bits_digest(state_); }

 private:
  XXH3_state_t* state_;
};

void add_mappings(Hasher& hash, const vm::AddressSpace& mm) {
  for (const vm::Vma& vma : mm.mappings()) {
    hash.add(vma.begin().raw());
    hash.add(vma.end().raw());
    hash.add(vma.flags.raw());
    hash.add(vma.pgoff);
    hash.add(vma.file.id.raw());
  }
}

void add_tables(Hasher& hash, vm::AddressSpace& mm) {
  mm.tables().for_each_pmd(
      {VirtAddr(0), vm::kTaskSize},
      [&](VirtAddr block, arch::Entry& pmd) {
        hash.add(block.raw());
        hash.add(pmd.bits);
        if (arch::Native::is_leaf(pmd) || !arch::Native::is_present(pmd)) return;
        for (std::uint64_t i = 0; i < arch::Native::kEntriesPerTable; ++i)
          hash.add(mm.tables().pte(pmd, block + PageCount(i))->bits);
      },
      pagetable::SwapPmds::kAsTheyAre);
}

void add_counters(Hasher& hash, const stats::Counters& counters) {
  for (std::size_t e = 0; e < stats::kVmEvents; ++e) hash.add(counters.get(static_cast<stats::VmEvent>(e)));
  for (unsigned o = 0; o <= kMaxOrder; ++o) {
    for (std::size_t s = 0; s < stats::kMthpStats; ++s) {
      hash.add(static_cast<std::uint64_t>(counters.get(static_cast<stats::MthpStat>(s), Order(o))));
    }
  }
}

}  // namespace

std::uint64_t Kernel::state_hash() {
  Hasher hash;
  for (const auto& mm : spaces_) {
    hash.add(mm->id().raw());
    add_mappings(hash, *mm);
    add_tables(hash, *mm);
  }
  add_counters(hash, system_.counters);
  const auto& usage = system_.folios.usage();
  for (const std::uint64_t n : {usage.pages, usage.touched, usage.peak_pages, usage.touched_at_peak})
    hash.add(n);
  return hash.value();
}

}  // namespace quire::kernel
