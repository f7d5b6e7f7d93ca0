#include "folio/folios.h"

#include "base/check.h"

namespace quire::folio {

using phys::Frame;
using phys::FrameKind;
using stats::MthpStat;
using stats::VmEvent;

namespace {
constexpr std::uint32_t kPinBias = 1024;  // GUP_PIN_COUNTING_BIAS
}

std::uint32_t Folios::make_record(Pfn head) {
  if (free_records_.empty()) {
    chunks_.push_back(std::make_unique<LargeFolio[]>(kChunk));
    for (std::uint32_t i = kChunk; i > 0; --i) free_records_.push_back(records_ + i - 1);
    records_ += kChunk;
  }
  const std::uint32_t id = free_records_.back();
  free_records_.pop_back();
  chunks_[id / kChunk][id % kChunk].head = head;
  return id;
}

LargeFolio& Folios::large(Pfn head) const {
  const auto id = static_cast<std::uint32_t>(frame(head + PageCount(1)).word);
  return chunks_[id / kChunk][id % kChunk];
}

void Folios::drop_record(Pfn head) {
  const auto id = static_cast<std::uint32_t>(frame(head + PageCount(1)).word);
  LargeFolio& folio = chunks_[id / kChunk][id % kChunk];
  folio.head = Pfn::invalid();
  folio.large_mapcount = folio.entire_mapcount = folio.nr_pages_mapped = 0;
  folio.slots = {};
  folio.mapped_shared = folio.partially_mapped = false;
  free_records_.push_back(id);
}

std::optional<Pfn> Folios::allocate(Order order, phys::Effort effort) {
  const auto head = memory_.allocate(order, phys::MigrateType::kMovable, effort);
  if (!head) return std::nullopt;
  frame(*head).refcount = 1;
  count_allocated(order);
  if (order != kOrder0) frame(*head + PageCount(1)).word = make_record(*head);
  return head;
}

void Folios::count_allocated(Order order) {
  usage_.pages += order.pages().raw();
  if (usage_.pages <= usage_.peak_pages) return;
  usage_.peak_pages = usage_.pages;
  usage_.touched_at_peak = usage_.touched;
}

void Folios::put(Pfn head, std::uint32_t n) {
  Frame& f = frame(head);
  QUIRE_DCHECK(f.refcount >= n);
  f.drop_refs(n);
  if (f.refcount == 0) free_folio(head);
}

void Folios::pin(Pfn page) {
  const Pfn head = head_of(page);
  if (!is_large(head)) return get(head, kPinBias);
  get(head);
  ++large(head).pincount;
}

void Folios::unpin(Pfn page) {
  const Pfn head = head_of(page);
  if (!is_large(head)) return put(head, kPinBias);
  QUIRE_DCHECK(large(head).pincount > 0);
  --large(head).pincount;
  put(head);
}

bool Folios::maybe_dma_pinned(Pfn head) const {
  return is_large(head) ? large(head).pincount != 0 : refcount(head) >= kPinBias;
}

void Folios::free_folio(Pfn head) {
  const Frame& f = frame(head);
  const Order order = f.order();
  QUIRE_CHECK_EQ(mapcount(head), 0U);
  if (lru_ != nullptr) [[unlikely]]
    lru_->freed(head, order);
  if (order != kOrder0) {
    leave_deferred(large(head), order);
    if (f.kind() == FrameKind::kAnon) counters_.add(MthpStat::nr_anon, order, -1);
    drop_record(head);
  }
  usage_.pages -= order.pages().raw();
  const Frame* const first = &f;
  for (const Frame* page = first; page != first + order.pages().raw(); ++page)
    usage_.touched -= page->touched;
  memory_.free(head, order);
}

void Folios::add_new_anon_rmap(Pfn head, AnonMapping where, MmId mm, MappedBy by) {
  Frame& f = frame(head);
  f.set_kind(FrameKind::kAnon);
  f.set_mapping(where.index, where.anon_vma);
  f.anon_exclusive = 1;
  if (lru_ != nullptr) [[unlikely]]
    lru_->added(head);
  const Order order = f.order();
  if (order == kOrder0) {
    f.mapcount = 1;
    return;
  }
  counters_.add(MthpStat::nr_anon, order);
  LargeFolio& folio = large(head);
  const auto pages = static_cast<std::uint32_t>(order.pages().raw());
  if (by == MappedBy::kPmd) {
    folio.entire_mapcount = 1;
    add_maps(folio, mm, 1);
    return;
  }
  if (entire_ && order == EntireMaps::kOrder) [[unlikely]] {
    for (Frame* page = &f; page != &f + pages; ++page) page->anon_exclusive = 1;
    entire_->add(folio, mm);
    add_maps(folio, mm, pages);
    return;
  }
  for (Frame* page = &f; page != &f + pages; ++page) {
    page->mapcount = 1;
    page->anon_exclusive = 1;
  }
  folio.nr_pages_mapped = pages;
  add_maps(folio, mm, pages);
}

void Folios::add_anon_rmap_ptes(Pfn page, std::uint32_t n, MmId mm, Exclusive exclusive) {
  const Pfn head = head_of(page);
  const std::uint32_t none = bias(head);
  std::uint32_t first_maps = 0;
  for (Frame* f = &frame(page); f != &frame(page) + n; ++f) {
    if (f->mapcount == none) ++first_maps;
    f->add_map();
    if (exclusive == Exclusive::kYes) f->anon_exclusive = 1;
  }
  if (!is_large(head)) return;
  LargeFolio& folio = large(head);
  folio.nr_pages_mapped += first_maps;
  add_maps(folio, mm, n);
}

// A child that maps all of a folio in one run is a whole mapper like its parent.
void Folios::dup_ptes_beside_whole_maps(Pfn page, std::uint32_t n, MmId child) {
  const Pfn head = head_of(page);
  LargeFolio& folio = large(head);
  const bool whole = entire_->covers(page, n) && folio.entire_mapcount != 0;
  const std::uint32_t none = bias(head);
  for (Frame* f = &frame(page); f != &frame(page) + n; ++f) {
    f->anon_exclusive = 0;
    if (whole) continue;
    if (f->mapcount == none) ++folio.nr_pages_mapped;
    f->add_map();
  }
  if (whole) entire_->add(folio, child);
  add_maps(folio, child, n);
}

void Folios::dup_anon_rmap_ptes(Pfn page, std::uint32_t n, MmId child) {
  if (entire_ && frame(page).order() == EntireMaps::kOrder) [[unlikely]]
    return dup_ptes_beside_whole_maps(page, n, child);
  Frame* const first = &frame(page);
  for (Frame* f = first; f != first + n; ++f) {
    f->anon_exclusive = 0;
    f->add_map();
  }
  const Pfn head = head_of(page);
  if (is_large(head)) add_maps(large(head), child, n);
}

void Folios::dup_anon_rmap_pmd(Pfn head, MmId child) {
  frame(head).anon_exclusive = 0;
  LargeFolio& folio = large(head);
  folio.entire_mapcount += 1;
  add_maps(folio, child, 1);
}

void Folios::note_partial(Pfn head, const LargeFolio& folio) {
  const auto pages = static_cast<std::uint32_t>(order_of(head).pages().raw());
  if (folio.entire_mapcount == 0 && folio.nr_pages_mapped != 0 && folio.nr_pages_mapped < pages)
    defer_split(head, Why::kPartiallyMapped);
}

// All of it goes as it came; a part makes single maps of a whole one first.
void Folios::remove_ptes_beside_whole_maps(Pfn page, std::uint32_t n, MmId mm) {
  const Pfn head = head_of(page);
  LargeFolio& folio = large(head);
  remove_maps(folio, mm, n);
  if (entire_->has(head, mm)) {
    if (entire_->covers(page, n)) {
      entire_->remove(folio, mm);
      return note_partial(head, folio);
    }
    entire_->break_up(folio, mm);
  }
  const std::uint32_t none = bias(head);
  std::uint32_t last = 0;
  for (Frame* f = &frame(page); f != &frame(page) + n; ++f) {
    QUIRE_DCHECK(f->mapcount > none);
    f->drop_map();
    if (f->mapcount == none) ++last;
  }
  folio.nr_pages_mapped -= last;
  if (last != 0) note_partial(head, folio);
}

void Folios::remove_rmap_ptes(Pfn page, std::uint32_t n, MmId mm) {
  if (entire_ && frame(page).order() == EntireMaps::kOrder) [[unlikely]]
    return remove_ptes_beside_whole_maps(page, n, mm);
  const Pfn head = head_of(page);
  if (!is_large(head)) {
    QUIRE_DCHECK(frame(head).mapcount > 0);
    frame(head).drop_map();
    return;
  }
  LargeFolio& folio = large(head);
  remove_maps(folio, mm, n);
  std::uint32_t last = 0;
  Frame* const first = &frame(page);
  for (Frame* f = first; f != first + n; ++f) {
    QUIRE_DCHECK(f->mapcount > 0);
    f->drop_map();
    if (f->mapcount == 0) ++last;
  }
  folio.nr_pages_mapped -= last;
  // Pages a PMD still maps have lost nothing.
  if (last != 0 && folio.entire_mapcount == 0 && folio.nr_pages_mapped != 0) {
    defer_split(head, Why::kPartiallyMapped);
  }
}

void Folios::remove_rmap_pmd(Pfn head, MmId mm) {
  LargeFolio& folio = large(head);
  QUIRE_DCHECK(folio.entire_mapcount > 0);
  remove_maps(folio, mm, 1);
  folio.entire_mapcount -= 1;
  const auto pages = static_cast<std::uint32_t>(order_of(head).pages().raw());
  if (folio.entire_mapcount == 0 && folio.nr_pages_mapped != 0 && folio.nr_pages_mapped < pages) {
    defer_split(head, Why::kPartiallyMapped);
  }
}

void Folios::mlock(Pfn head) {
  constexpr std::uint64_t kMost = 15;
  Frame& f = frame(head);
  const std::uint64_t before = f.mlocked != 0 ? f.mlock_count : 0;
  f.mlocked = 1;
  f.mlock_count = std::min(before + 1, kMost) & 0xf;
  if (lru_ != nullptr) [[unlikely]]
    lru_->mlock_changed(head);
}

void Folios::munlock(Pfn head) {
  Frame& f = frame(head);
  if (f.mlock_count > 1) {
    f.mlock_count = (f.mlock_count - 1U) & 0xf;
    return;
  }
  f.mlock_count = 0;
  f.mlocked = 0;
  if (lru_ != nullptr) [[unlikely]]
    lru_->mlock_changed(head);
}

void Folios::move_anon_rmap(Pfn head, std::uint32_t anon_vma) {
  frame(head).set_mapping(frame(head).index(), anon_vma);
}

std::uint32_t Folios::mapcount(Pfn head) const {
  return is_large(head) ? large(head).large_mapcount : static_cast<std::uint32_t>(frame(head).mapcount);
}

std::uint32_t Folios::page_mapcount(Pfn page) const {
  const Pfn head = head_of(page);
  const auto own = static_cast<std::uint32_t>(frame(page).mapcount);
  return is_large(head) && is_anon(head) ? own + large(head).entire_mapcount - bias(head) : own;
}

bool Folios::maybe_mapped_shared(Pfn head) const {
  // A single map is nobody else's, whatever the mark still says.
  return mapcount(head) > 1 && (!is_large(head) || large(head).mapped_shared);
}

void Folios::defer_split(Pfn head, Why why) {
  const Order order = order_of(head);
  if (order.raw() <= 1 || !is_anon(head) || frame(head).swapcache != 0) return;
  LargeFolio& folio = large(head);
  if (why == Why::kPartiallyMapped && !folio.partially_mapped) {
    folio.partially_mapped = true;
    if (order == kOrderPmd) counters_.add(VmEvent::thp_deferred_split_page);
    counters_.add(MthpStat::split_deferred, order);
    counters_.add(MthpStat::nr_anon_partially_mapped, order);
  }
  if (!folio.deferred_hook.is_linked()) deferred_.push_back(folio);
}

void Folios::leave_deferred(LargeFolio& folio, Order order) {
  if (!folio.deferred_hook.is_linked()) return;
  if (folio.partially_mapped) counters_.add(MthpStat::nr_anon_partially_mapped, order, -1);
  deferred_.erase(deferred_.iterator_to(folio));
}

void Folios::leave_deferred(Pfn head) {
  QUIRE_DCHECK(!large(head).partially_mapped);
  leave_deferred(large(head), order_of(head));
}

void Folios::requeue_deferred(Pfn head) {
  LargeFolio& folio = large(head);
  deferred_.erase(deferred_.iterator_to(folio));
  deferred_.push_back(folio);
}

void Folios::make_piece(Pfn head, Order order, const Frame& old, std::uint64_t index) {
  for (std::uint64_t i = 0; i < order.pages().raw(); ++i) {
    Frame& page = frame(head + PageCount(i));
    page.set_kind(i == 0 ? FrameKind::kAnon : FrameKind::kTail);
    page.set_order(order);
    page.refcount = i == 0 ? 1 : 0;
  }
  Frame& first = frame(head);
  first.lazyfree = old.lazyfree;
  first.swapcache = old.swapcache;
  first.add_refs(cache_refs(head));
  first.dirty = old.dirty;
  first.mlocked = old.mlocked;
  first.mlock_count = index == old.index() ? old.mlock_count : 0;
  first.set_mapping(index, old.owner_id());
  if (order == kOrder0) return;
  frame(head + PageCount(1)).word = make_record(head);
  counters_.add(MthpStat::nr_anon, order);
}

void Folios::split_into(Pfn head, std::span<const Order> pieces) {
  const Frame old = frame(head);
  const Order order = old.order();
  QUIRE_CHECK(order != kOrder0 && mapcount(head) == 0 && old.refcount == 1 + cache_refs(head));
  leave_deferred(large(head), order);
  counters_.add(MthpStat::nr_anon, order, -1);
  drop_record(head);
  PageCount done;
  for (const Order piece : pieces) {
    make_piece(head + done, piece, old, old.index() + done.raw());
    done += piece.pages();
  }
  QUIRE_CHECK(done == order.pages());
  if (lru_ != nullptr) [[unlikely]]
    lru_->split(head, pieces);
}

void Folios::check_large(const LargeFolio& folio, base::InvariantReport& out) const {
  const Pfn head = folio.head;
  const Order order = order_of(head);
  const bool counted_once = entire_ && order == EntireMaps::kOrder;
  const std::uint32_t none = bias(head);
  std::uint64_t maps = std::uint64_t{folio.entire_mapcount} * (counted_once ? EntireMaps::kPages : 1);
  std::uint32_t mapped = 0;
  if (counted_once && folio.entire_mapcount != entire_->mappers(head)) {
    out.broken("I-ENTIRE-1", "folio {}: {} whole maps, {} whole mappers", head.raw(), folio.entire_mapcount,
               entire_->mappers(head));
  }
  const Frame* const first = &frame(head);
  for (std::uint64_t i = 0; i < order.pages().raw(); ++i) {
    const Frame& page = first[i];
    maps += page.mapcount - none;
    if (page.mapcount != none) ++mapped;
    if (page.mlock_count != 0 && (i != 0 || page.mlocked == 0))
      out.broken("I-FOLIO-7", "page {} of folio {} counts locks without one", i, head.raw());
    if (page.order() != order || (i != 0 && page.kind() != FrameKind::kTail))
      out.broken("I-FRAME-2", "page {} of folio {} has another order or kind", i, head.raw());
  }
  if (maps != folio.large_mapcount) {
    out.broken("I-FOLIO-2", "folio {}: {} entries map it, it counts {}", head.raw(), maps,
               folio.large_mapcount);
  }
  if (mapped != folio.nr_pages_mapped) {
    out.broken("I-FOLIO-3", "folio {}: {} pages mapped, it counts {}", head.raw(), mapped,
               folio.nr_pages_mapped);
  }
  if (folio.slots[0].mapcount + folio.slots[1].mapcount > folio.large_mapcount) {
    out.broken("I-FOLIO-4", "folio {}: slots hold more maps than there are", head.raw());
  }
  if (refcount(head) < folio.large_mapcount) {
    out.broken("I-FOLIO-1", "folio {}: {} references, {} maps", head.raw(), refcount(head),
               folio.large_mapcount);
  }
}

void Folios::check_invariants(base::InvariantReport& out) const {
  std::array<std::int64_t, kMaxOrder + 1> anon{};
  std::array<std::int64_t, kMaxOrder + 1> partial{};
  for (std::uint32_t id = 0; id < records_; ++id) {
    const LargeFolio& folio = chunks_[id / kChunk][id % kChunk];
    if (!folio.head.valid()) continue;
    check_large(folio, out);
    const Order order = order_of(folio.head);
    if (is_anon(folio.head)) ++anon[order.raw()];
    if (!folio.partially_mapped) continue;
    ++partial[order.raw()];
    if (!folio.deferred_hook.is_linked()) {
      out.broken("I-FOLIO-6", "folio {} is partially mapped but not queued", folio.head.raw());
    }
  }
  for (unsigned o = 0; o <= kMaxOrder; ++o) {
    if (anon[o] != counters_.get(MthpStat::nr_anon, Order(o))) {
      out.broken("I-FOLIO-5", "order {}: {} folios live, nr_anon says {}", o, anon[o],
                 counters_.get(MthpStat::nr_anon, Order(o)));
    }
    if (partial[o] != counters_.get(MthpStat::nr_anon_partially_mapped, Order(o))) {
      out.broken("I-FOLIO-6", "order {}: {} folios partially mapped, the gauge says {}", o, partial[o],
                 counters_.get(MthpStat::nr_anon_partially_mapped, Order(o)));
    }
  }
}

}  // namespace quire::folio
