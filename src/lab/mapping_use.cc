#include "lab/mapping_use.h"

#include <algorithm>

#include "lab/replay_steps.h"

namespace quire::lab {
namespace {

using vm::Entry;
using vm::Native;
using vm::NotHuge;

// Counts each page of the machine once, for the mapping it is first met in.
class Count {
 public:
  explicit Count(vm::System& system) : system_(system), seen_(system.memory.total().raw()) {}

  void mapping(vm::AddressSpace& mm, const vm::Vma& vma, MappingUse& use) {
    use_ = &use;
    cache_counts_ = vma.file.kind == vm::FileKind::kShmem;
    mm.tables().for_each_pmd(
        vma.range,
        [&](VirtAddr block, Entry& pmd) {
          const VirtRange part{std::max(block, vma.begin()), std::min(block + kOrderPmd.bytes(), vma.end())};
          const std::uint64_t n = pages_between(part.begin, part.end).raw();
          if (Native::is_leaf(pmd)) {
            const Pfn first = Native::pfn(pmd) + pages_between(block, part.begin);
            for (std::uint64_t i = 0; i < n; ++i) page(first + PageCount(i));
            return;
          }
          if (!Native::is_present(pmd)) return;  // in swap
          const Entry* const pte = mm.tables().pte(pmd, part.begin);
          for (std::uint64_t i = 0; i < n; ++i)
            if (Native::is_present(pte[i]) && !Native::is_special(pte[i])) page(Native::pfn(pte[i]));
        },
        pagetable::SwapPmds::kAsTheyAre);
  }

 private:
  void page(Pfn pfn) {
    const Pfn head = system_.folios.head_of(pfn);
    if (seen_[pfn.raw()] || system_.memory.frame(head).kind() == phys::FrameKind::kReserved) return;
    if (!system_.folios.is_anon(head)) return cache_page(pfn);
    anon_page(pfn);
    if (system_.folios.is_large(head)) strand(head);
  }

  void anon_page(Pfn pfn) {
    seen_[pfn.raw()] = true;
    add(use_->resident);
    if (system_.memory.frame(pfn).touched == 0) add(use_->never_touched);
    if (!system_.reasons->written(pfn)) add(use_->zero_filled);
    const NotHuge why = system_.reasons->why(pfn);
    add(why == NotHuge::kNothing ? use_->huge : use_->why(why));
  }

  // Page cache is not the program's, but for shared memory, which only it fills.
  void cache_page(Pfn pfn) {
    if (!cache_counts_) return;
    seen_[pfn.raw()] = true;
    add(use_->resident);
    add(use_->why(NotHuge::kShared));
  }

  // Pages of the folio that are mapped nowhere.
  void strand(Pfn head) {
    const Pfn end = head + system_.folios.order_of(head).pages();
    for (Pfn pfn = head; pfn < end; pfn = pfn + PageCount(1)) {
      if (seen_[pfn.raw()] || system_.folios.page_mapcount(pfn) != 0) continue;
      anon_page(pfn);
      add(use_->stranded);
    }
  }

  static void add(ByteCount& sum) { sum += kOrder0.bytes(); }

  vm::System& system_;
  std::vector<bool> seen_;  // by frame
  MappingUse* use_ = nullptr;
  bool cache_counts_ = false;
};

void count_space(const Replayer& replayer, const MappingNames& names, trace::MmId id, Count& count,
                 std::vector<MappingUse>& mappings) {
  vm::AddressSpace* const mm = replayer.space(id);
  if (mm == nullptr) return;
  for (const vm::Vma& vma : mm->mappings()) {
    MappingUse use{
        .process = names.process(id), .space = id, .name = names.mapping(*mm, vma), .range = vma.range};
    count.mapping(*mm, vma, use);
    if (use.resident.raw() != 0) mappings.push_back(std::move(use));
  }
}

}  // namespace

Result<MemoryUse, Diagnostic> memory_use(trace::Reader& reader, const ReplayOptions& options,
                                         std::uint64_t events) {
  const auto steps = QUIRE_TRY(ReplaySteps::begin(reader, options));
  kernel::Kernel* const kernel = &steps->kernel();
  kernel->system().remember_reasons();
  const Replayer& replayer = steps->replayer();
  MappingNames names;
  while (steps->number() < events && QUIRE_TRY(steps->next())) names.apply(steps->event());
  MemoryUse use{.largest = vm::largest_order(kernel->system()), .mappings = {}};
  Count count(kernel->system());
  for (trace::MmId id = 0; id < replayer.spaces_end(); ++id)
    count_space(replayer, names, id, count, use.mappings);
  std::ranges::stable_sort(use.mappings, std::ranges::greater{}, &MappingUse::resident);
  return use;
}

}  // namespace quire::lab
