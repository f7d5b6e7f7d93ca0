#include "split/shrinker.h"

#include <algorithm>
#include <vector>

#include "split/zeroes.h"
#include "vm/address_space.h"

namespace quire::split {
namespace {

using stats::VmEvent;

bool underused(const vm::System& system, Pfn head) {
  const std::uint32_t max_none = system.settings.khugepaged.max_ptes_none;
  if (max_none == kPagesPerPmd - 1) return false;
  std::uint32_t zero = 0;
  for (std::uint32_t i = 0; i < kPagesPerPmd; ++i)
    if (holds_only_zeroes(system.memory, head + PageCount(i)) && ++zero > max_none) return true;
  return false;
}

enum class Fate : std::uint8_t { kSplit, kKeptForGood, kKeptForNow };

Fate shrink(vm::System& system, Pfn head) {
  // Somebody holds entries of it: a page of zeroes would be gone under their hands.
  if (std::ranges::find(system.busy, head) != system.busy.end()) return Fate::kKeptForNow;
  const bool partial = system.folios.large(head).partially_mapped;
  if (!partial && (system.folios.mlocked(head) || !underused(system, head))) return Fate::kKeptForGood;
  if (!vm::split_folio(system, head)) return partial ? Fate::kKeptForNow : Fate::kKeptForGood;
  if (!partial) system.counters.add(VmEvent::thp_underused_split_page);
  return Fate::kSplit;
}

}  // namespace

std::uint64_t deferred_split_scan(vm::System& system, std::uint64_t nr_to_scan, OnQueue on_queue) {
  std::vector<Pfn> heads;
  for (const folio::LargeFolio& folio : system.folios.deferred()) {
    if (heads.size() == nr_to_scan) break;
    if (on_queue(folio.head)) heads.push_back(folio.head);
  }
  std::uint64_t split = 0;
  for (const Pfn head : heads) {
    switch (shrink(system, head)) {
      case Fate::kSplit:
        ++split;
        break;
      case Fate::kKeptForGood:
        system.folios.leave_deferred(head);
        break;
      case Fate::kKeptForNow:
        system.folios.requeue_deferred(head);
        break;
    }
  }
  return split;
}

}  // namespace quire::split
