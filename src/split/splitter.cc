#include "split/splitter.h"

#include <span>

#include "policy/policy.h"
#include "split/pieces.h"
#include "split/zeroes.h"
#include "vm/rmap.h"
#include "vm/rmap_walk.h"
#include "vm/swap_cache.h"

namespace quire::split {

using arch::Entry;
using arch::Native;
using folio::Exclusive;
using stats::MthpStat;
using stats::VmEvent;
using vm::SplitError;

SplitError Splitter::failed(Order order, SplitError why) {
  system_.counters.add(MthpStat::split_failed, order);
  if (order == kOrderPmd) system_.counters.add(VmEvent::thp_split_page_failed);
  return why;
}

Result<void, SplitError> Splitter::split_folio(Pfn head, const vm::SplitRequest& request) {
  folio::Folios& folios = system_.folios;
  const Order order = folios.order_of(head);
  if (request.to >= order) return fail(SplitError::kTooSmall);
  if (request.to == Order(1)) return fail(SplitError::kOrder1);
  const bool cached = system_.memory.frame(head).swapcache != 0;
  if (cached && (request.to != kOrder0 || request.round)) return fail(SplitError::kSwapCache);
  if (system_.anon_vmas.find(vm::AnonVmaId(system_.memory.frame(head).owner_id())) == nullptr) {
    return fail(failed(order, SplitError::kNoAnonVma));
  }
  if (folios.refcount(head) != folios.expected_refs(head) + 1) return fail(failed(order, SplitError::kBusy));

  std::vector<Place> places;
  unmap(head, places);
  const std::vector<Order> pieces = pieces_of(order, request);
  folios.split_into(head, pieces);
  if (cached) system_.swap.split_cached(head, order, request.to);
  system_.counters.add(MthpStat::split, order);
  if (order == kOrderPmd) system_.counters.add(VmEvent::thp_split_page);
  for (const Place& place : places) remap(place);
  // Each piece came out of the split with one reference: the first one's is
  // the caller's, the others go, unless the caller wants them.
  PageCount at = pieces.front().pages();
  for (const Order piece : std::span(pieces).subspan(1)) {
    if (request.pieces != nullptr) {
      request.pieces->push_back(head + at);
    } else {
      vm::put_folio_and_swap_cache(system_, head + at);
    }
    at += piece.pages();
  }
  return {};
}

void Splitter::unmap(Pfn head, std::vector<Place>& places) {
  vm::rmap_walk(system_, head, [&](const vm::MappedRun& run) {
    if (run.pte == nullptr) {
      unmap_huge(run.vma, *run.pmd, run.addr, places);
    } else {
      for (std::uint32_t i = 0; i < run.n; ++i) unmap_page(run, i, head, places);
    }
    return vm::Walk::kGoOn;
  });
}

// Page by page: the first of them marks the folio partially mapped.
void Splitter::unmap_page(const vm::MappedRun& run, std::uint32_t i, Pfn head, std::vector<Place>& places) {
  const Pfn page = run.page + PageCount(i);
  const bool exclusive = system_.memory.frame(page).anon_exclusive != 0;
  const Entry old = run.mm.tables().ptep_get(run.pte + i);
  places.push_back(
      {&run.mm, &run.vma, run.addr + PageCount(i), page, old, exclusive ? Exclusive::kYes : Exclusive::kNo});
  // Every piece inherits that something of the whole was written to.
  if (Native::is_dirty(old)) system_.memory.frame(head).dirty = 1;
  run.mm.tables().clear_ptes(run.pte + i, 1);
  vm::remove_rmap_ptes(run.mm, run.vma, page, 1);
  system_.folios.put(head);
}

// A huge entry goes as one, so that nothing looks partially mapped meanwhile.
void Splitter::unmap_huge(vm::Vma& vma, Entry& pmd, VirtAddr block, std::vector<Place>& places) {
  vm::AddressSpace& mm = *vma.mm;
  const Entry old = pmd;
  const Pfn head = Native::pfn(old);
  system_.counters.add(VmEvent::thp_split_pmd);
  mm.tables().withdraw_into(pmd);
  arch::Access access = vm::page_prot(vma);
  access.write = Native::is_writable(old);
  Entry e = Native::leaf(head, access);
  if (Native::is_young(old)) e = Native::make_young(e);
  if (Native::is_dirty(old)) {
    e = Native::make_dirty(e);
    system_.memory.frame(head).dirty = 1;
  }
  const bool exclusive = system_.memory.frame(head).anon_exclusive != 0;
  for (std::uint64_t i = 0; i < kOrderPmd.pages().raw(); ++i) {
    places.push_back({&mm, &vma, block + PageCount(i), head + PageCount(i), Native::advance(e, i),
                      exclusive ? Exclusive::kYes : Exclusive::kNo});
  }
  vm::remove_rmap_pmd(mm, vma, head);
  system_.folios.put(head);
}

void Splitter::remap(const Place& place) {
  vm::AddressSpace& mm = *place.mm;
  Entry& pte = *mm.tables().pte(*mm.tables().find_pmd(place.addr), place.addr);
  const Pfn head = system_.folios.head_of(place.page);
  const bool alone = system_.folios.order_of(head) == kOrder0;
  // Splitting has given pages of zeroes back since 6.11.
  const bool gives_back = system_.settings.policy->pmd_split == policy::PmdSplit::kEntryOnly;
  if (alone && gives_back && !system_.folios.mlocked(head) && !place.vma->flags.has(vm::VmFlag::kLocked) &&
      holds_only_zeroes(system_.memory, place.page)) {
    mm.tables().set_pte(&pte,
                        Native::make_special(Native::leaf(system_.zero_page, vm::page_prot(*place.vma))));
    mm.rss().sub_anon(PageCount(1));
    return;
  }
  system_.folios.get(head);
  vm::add_anon_rmap_ptes(mm, *place.vma, place.page, 1, place.exclusive);
  mm.tables().set_pte(&pte, place.entry);
}

}  // namespace quire::split
