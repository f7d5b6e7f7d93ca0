#include "reclaim/vm_users.h"

#include <algorithm>
#include <optional>

#include "vm/rmap_walk.h"
#include "vm/shrink.h"
#include "vm/unmap.h"

namespace quire::reclaim {

using arch::Entry;
using arch::Native;
using pagetable::Clear;
using pagetable::PageTable;

bool VmUsers::is_busy(Pfn head) const { return std::ranges::find(system_.busy, head) != system_.busy.end(); }

namespace {

// What is read in order or at random says by a use nothing of the next one.
bool has_recency(const vm::Vma& vma) {
  return !vma.flags.has_any(vm::VmFlag::kSeqRead | vm::VmFlag::kRandRead);
}

// Marks the entries unused. The address of the first that was used, if one was.
std::optional<VirtAddr> take_young(const vm::MappedRun& run) {
  if (run.pte == nullptr) {
    if (!Native::is_young(*run.pmd)) return std::nullopt;
    *run.pmd = Native::make_old(*run.pmd);
    return run.addr;
  }
  Entry* const end = run.pte + run.n;
  const Entry* const young =
      std::find_if(run.pte, end, [](const Entry& e) { return Native::is_young(PageTable::ptep_get(&e)); });
  if (young == end) return std::nullopt;
  run.mm.tables().clear_young_dirty_ptes(run.pte, run.n, Clear::kYoung);
  return run.addr + PageCount(static_cast<std::uint64_t>(young - run.pte));
}

// Calls used(run, addr) for each run of entries of which one was used, the first at `addr`, in mappings
// that count; returns how many of these were.
template <typename Counts, typename Used>
std::uint32_t each_use(vm::System& system, Pfn head, Counts counts, Used used) {
  std::uint32_t mappings = 0;
  const vm::Vma* last = nullptr;
  vm::rmap_walk(system, head, [&](const vm::MappedRun& run) {
    if (!counts(run.vma)) return vm::Walk::kGoOn;
    const std::optional<VirtAddr> at = take_young(run);
    if (!at) return vm::Walk::kGoOn;
    if (last != &run.vma) ++mappings;
    last = &run.vma;
    used(run, *at);
    return vm::Walk::kGoOn;
  });
  return mappings;
}

// At most so many entries round about one are looked at, it in the middle where the mapping and the
// table allow.
VirtRange window_around(const vm::Vma& vma, VirtAddr addr) {
  constexpr ByteCount kAround = PageCount(64).bytes();  // MIN_LRU_BATCH entries
  constexpr ByteCount kHalf = PageCount(32).bytes();
  const VirtAddr table = addr.align_down(kOrderPmd);
  const VirtRange all{std::max(table, vma.begin()), std::min(table + kOrderPmd.bytes(), vma.end())};
  if (all.size() <= kAround) return all;
  if (addr - all.begin < kHalf) return {all.begin, all.begin + kAround};
  if (all.end - addr < kHalf) return {all.end - kAround, all.end};
  return {addr - kHalf, addr + kHalf};
}

}  // namespace

bool VmUsers::counts(const vm::Vma& vma, folio::GroupId by) const {
  return has_recency(vma) && groups_.is_below(vma.mm->group, by);
}

std::uint32_t VmUsers::referenced(Pfn head, folio::GroupId by) {
  return each_use(
      system_, head, [&](const vm::Vma& vma) { return counts(vma, by); },
      [](const vm::MappedRun&, VirtAddr) {});
}

// Consecutive entries of one folio are one use of it, as they are for a batch of the kernel's.
std::uint64_t VmUsers::look_at_table(vm::AddressSpace& mm, Entry pmd, VirtRange range, UsedFn used) {
  Entry* pte = mm.tables().pte(pmd, range.begin);
  Entry* const end = pte + pages_between(range.begin, range.end).raw();
  const std::uint64_t all = static_cast<std::uint64_t>(end - pte);
  std::uint32_t n = 1;
  for (; pte != end; pte += n) {
    n = 1;
    if (!Native::is_present(*pte) || Native::is_special(*pte)) continue;
    const Pfn head = system_.folios.head_of(Native::pfn(*pte));
    if (!system_.folios.is_anon(head)) continue;
    if (system_.folios.is_large(head))
      n = vm::pte_batch(system_.folios, pte, static_cast<std::uint32_t>(end - pte));
    const bool young =
        std::any_of(pte, pte + n, [](const Entry& e) { return Native::is_young(PageTable::ptep_get(&e)); });
    if (young && used(head)) mm.tables().clear_young_dirty_ptes(pte, n, Clear::kYoung);
  }
  return all;
}

std::uint32_t VmUsers::referenced_and_nearby(Pfn head, folio::GroupId by, UsedFn nearby) {
  struct Place {
    vm::AddressSpace* mm;
    Entry pmd;
    VirtRange around;
  };
  std::vector<Place> places;
  const std::uint32_t n = each_use(
      system_, head, [&](const vm::Vma& vma) { return counts(vma, by); },
      [&](const vm::MappedRun& run, VirtAddr at) {
        if (run.pte != nullptr) places.push_back({&run.mm, *run.pmd, window_around(run.vma, at)});
      });
  for (const Place& place : places) look_at_table(*place.mm, place.pmd, place.around, nearby);
  return n;
}

std::uint64_t VmUsers::walk_tables(folio::GroupId group, UsedFn used) {
  std::uint64_t entries = 0;
  each_space_([&](vm::AddressSpace& mm) {
    if (mm.group != group) return;
    for (vm::Vma& vma : mm.mappings()) {
      if (vma.anon_vma == nullptr || !has_recency(vma)) continue;
      mm.tables().for_each_pmd(vma.range, [&](VirtAddr block, Entry& pmd) {
        if (!Native::is_present(pmd)) return;  // in swap, all of it
        if (!Native::is_leaf(pmd)) {
          const VirtRange part{std::max(block, vma.begin()), std::min(block + kOrderPmd.bytes(), vma.end())};
          entries += look_at_table(mm, pmd, part, used);
          return;
        }
        ++entries;
        const Pfn head = Native::pfn(pmd);
        if (Native::is_young(pmd) && head != system_.huge_zero.head && used(head))
          pmd = Native::make_old(pmd);
      });
    }
  });
  return entries;
}

Shrunk VmUsers::shrink(const std::vector<Pfn>& folios, absl::FunctionRef<Reference(Pfn)> references) {
  vm::Shrunk shrunk = vm::shrink_folio_list(system_, folios, [&](Pfn head) {
    if (is_busy(head)) return vm::Reference::kKeep;
    switch (references(head)) {
      case Reference::kKeep:
        return vm::Reference::kKeep;
      case Reference::kActivate:
        return vm::Reference::kActivate;
      case Reference::kReclaim:
        break;
    }
    return vm::Reference::kReclaim;
  });
  return {
      .reclaimed = shrunk.reclaimed, .keep = std::move(shrunk.keep), .activate = std::move(shrunk.activate)};
}

PageCount VmUsers::free_swap() const { return system_.swap.total() - system_.swap.used(); }

PageCount VmUsers::total_swap() const { return system_.swap.total(); }

}  // namespace quire::reclaim
