#include "folio/lru.h"

#include "base/check.h"

namespace quire::folio {
namespace {

constexpr std::uint32_t link_of(Pfn head) { return static_cast<std::uint32_t>(head.raw()) + 1; }

}  // namespace

LruTable::LruTable(PageCount frames)
    : memory_(ByteCount(frames.raw() * sizeof(LruSlot)), phys::HostPages::kSmall),
      slots_(reinterpret_cast<LruSlot*>(memory_.data())) {
  QUIRE_CHECK_MSG(slots_ != nullptr, "the host refuses {} bytes for the lists of folios",
                  memory_.size().raw());
}

void LruTable::push_front(LruList& list, std::uint8_t number, Pfn head, PageCount pages) {
  LruSlot& s = slot(head);
  QUIRE_DCHECK(s.list == 0 && number != 0);
  s.list = number;
  s.prev = 0;
  s.next = list.first_;
  (list.first_ != 0 ? at(list.first_).prev : list.last_) = link_of(head);
  list.first_ = link_of(head);
  ++list.folios_;
  list.pages_ += pages.raw();
}

void LruTable::push_back(LruList& list, std::uint8_t number, Pfn head, PageCount pages) {
  LruSlot& s = slot(head);
  QUIRE_DCHECK(s.list == 0 && number != 0);
  s.list = number;
  s.next = 0;
  s.prev = list.last_;
  (list.last_ != 0 ? at(list.last_).next : list.first_) = link_of(head);
  list.last_ = link_of(head);
  ++list.folios_;
  list.pages_ += pages.raw();
}

void LruTable::insert_after(LruList& list, Pfn where, Pfn head, PageCount pages) {
  LruSlot& younger = slot(where);
  LruSlot& s = slot(head);
  QUIRE_DCHECK(s.list == 0 && younger.list != 0);
  s.list = younger.list;
  s.prev = link_of(where);
  s.next = younger.next;
  (s.next != 0 ? at(s.next).prev : list.last_) = link_of(head);
  younger.next = link_of(head);
  ++list.folios_;
  list.pages_ += pages.raw();
}

void LruTable::remove(LruList& list, Pfn head, PageCount pages) {
  LruSlot& s = slot(head);
  QUIRE_DCHECK(s.list != 0 && list.folios_ != 0 && list.pages_ >= pages.raw());
  (s.prev != 0 ? at(s.prev).next : list.first_) = s.next;
  (s.next != 0 ? at(s.next).prev : list.last_) = s.prev;
  s.prev = s.next = 0;
  s.list = 0;
  --list.folios_;
  list.pages_ -= pages.raw();
}

Pfn LruTable::younger(Pfn head) const {
  const std::uint32_t link = slot(head).prev;
  return link == 0 ? Pfn::invalid() : Pfn(link - 1);
}

}  // namespace quire::folio
