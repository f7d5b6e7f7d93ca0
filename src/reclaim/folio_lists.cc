#include "reclaim/folio_lists.h"

namespace quire::reclaim {

using stats::VmEvent;

void copy_marks(const folio::LruTable& table, Pfn head, std::span<const Order> pieces) {
  folio::LruSlot marks = table.slot(head);
  marks.prev = marks.next = 0;
  marks.list = 0;
  Pfn at = head;
  for (const Order piece : pieces) {
    if (at != head) table.slot(at) = marks;
    at = at + piece.pages();
  }
}

void FolioLists::forget_use(Pfn head) {
  slot(head).active = 0;
  slot(head).referenced = 0;
}

void FolioLists::split_in_place(folio::LruList& list, Pfn head, std::span<const Order> pieces) {
  PageCount all;
  for (const Order piece : pieces) all += piece.pages();
  const std::uint8_t number = slot(head).list;
  Pfn beside = context_.table.younger(head);
  context_.table.remove(list, head, all);
  const auto place = [&](Pfn piece) {
    if (beside.valid()) {
      context_.table.insert_after(list, beside, piece, pages_of(piece));
    } else {
      context_.table.push_front(list, number, piece, pages_of(piece));
    }
    beside = piece;
  };
  Pfn at = head + pieces.front().pages();
  for (const Order piece : pieces.subspan(1)) {
    place(at);
    at = at + piece.pages();
  }
  place(head);
}

void FolioLists::count_scan(const ScanControl& sc, Stock stock, std::uint64_t pages, std::uint64_t folios) {
  stats::Counters& counters = context_.counters;
  if (sc.who != Reclaimant::kGroup)
    counters.add(sc.who == Reclaimant::kKswapd ? VmEvent::pgscan_kswapd : VmEvent::pgscan_direct, pages);
  counters.add(stock == Stock::kAnon ? VmEvent::pgscan_anon : VmEvent::pgscan_file, pages);
  counters.add(VmEvent::quire_scanned_folios, folios);
}

void FolioLists::count_steal(const ScanControl& sc, Stock stock, std::uint64_t pages) {
  stats::Counters& counters = context_.counters;
  if (sc.who != Reclaimant::kGroup)
    counters.add(sc.who == Reclaimant::kKswapd ? VmEvent::pgsteal_kswapd : VmEvent::pgsteal_direct, pages);
  counters.add(stock == Stock::kAnon ? VmEvent::pgsteal_anon : VmEvent::pgsteal_file, pages);
}

std::vector<Pfn> FolioLists::isolate(folio::LruList& list, std::uint64_t pages, std::uint64_t& scanned) {
  std::vector<Pfn> taken;
  scanned = 0;
  while (scanned < pages && !list.empty()) {
    const Pfn head = list.back();
    const PageCount size = pages_of(head);
    context_.table.remove(list, head, size);
    context_.folios.get(head);
    taken.push_back(head);
    scanned += size.raw();
  }
  return taken;
}

}  // namespace quire::reclaim
