// folio/lru.h - lists of folios that memory may be taken back from.
//
// Mirrors: folio->lru, the LRU flags of struct folio, folio->memcg_data and the
// list heads of struct lruvec, Linux 6.18. Differs: links, marks and group lie in
// an array beside the descriptors (docs/decisions/0008), which a machine has only
// if it reclaims; a folio is on a list at once, there are no per-cpu batches.
#pragma once

#include <cstdint>
#include <span>

#include "base/report.h"
#include "phys/reserved_memory.h"
#include "quire/types.h"

namespace quire::folio {

// The memory cgroup a folio is charged to. 0 is the root, which has no limit.
class GroupId {
 public:
  constexpr GroupId() = default;
  constexpr explicit GroupId(std::uint16_t id) : id_(id) {}
  [[nodiscard]] constexpr std::uint16_t raw() const { return id_; }
  constexpr auto operator<=>(const GroupId&) const = default;

 private:
  std::uint16_t id_ = 0;
};
inline constexpr GroupId kRootGroup{0};

// What is remembered of one folio, at its head's place. All zero: on no list,
// nothing known of it.
struct LruSlot {
  std::uint32_t prev = 0;  // towards the front, where the youngest are; a frame number + 1, 0 is none
  std::uint32_t next = 0;
  std::uint16_t group = 0;          // GroupId
  std::uint8_t list = 0;            // which list of its group; 0 is none
  std::uint8_t active : 1 = 0;      // PG_active
  std::uint8_t referenced : 1 = 0;  // PG_referenced: used once since it was last looked at
  std::uint8_t workingset : 1 = 0;  // PG_workingset: was in use before it went or was set back
  std::uint8_t refs : 2 = 0;        // generations: LRU_REFS_MASK
  std::uint8_t gen : 3 = 0;         // generations: 1 + index of the generation it belongs to; 0 is none
};
static_assert(sizeof(LruSlot) == 12);

class LruTable;

// A list of folios, the youngest in front.
//
// Owns        : nothing; it is chained through the table's slots
// Invariants  : I-LRU-1 the links lead through as many folios and pages as it counts, both ways
//               I-LRU-2 each folio on it says so in its slot
// Complexity  : everything O(1)
class LruList {
 public:
  [[nodiscard]] bool empty() const { return first_ == 0; }
  // The oldest.
  [[nodiscard]] Pfn back() const { return last_ == 0 ? Pfn::invalid() : Pfn(last_ - 1); }
  [[nodiscard]] Pfn front() const { return first_ == 0 ? Pfn::invalid() : Pfn(first_ - 1); }
  [[nodiscard]] std::uint64_t folios() const { return folios_; }
  [[nodiscard]] PageCount pages() const { return PageCount(pages_); }

 private:
  friend class LruTable;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::uint64_t folios_ = 0;
  std::uint64_t pages_ = 0;
};

// The slots of all frames of a machine, and what is done with lists of them.
//
// Owns        : the array, 12 bytes for each frame, which costs what is touched of it
// Refers to   : nothing
// Locks       : lru lock (one thread drives a machine)
class LruTable {
 public:
  explicit LruTable(PageCount frames);

  [[nodiscard]] LruSlot& slot(Pfn head) const { return slots_[head.raw()]; }
  [[nodiscard]] bool on_list(Pfn head) const { return slot(head).list != 0; }

  // `number` is the list's name among those of the folio's group, not 0.
  void push_front(LruList& list, std::uint8_t number, Pfn head, PageCount pages);
  void push_back(LruList& list, std::uint8_t number, Pfn head, PageCount pages);
  // Puts it in beside one that is on the list, on the older side.
  void insert_after(LruList& list, Pfn where, Pfn head, PageCount pages);
  void remove(LruList& list, Pfn head, PageCount pages);
  // The neighbour on the younger side, or an invalid one.
  [[nodiscard]] Pfn younger(Pfn head) const;

  // `order_of(Pfn)` says how large a folio is.
  template <typename OrderOf>
  void check_list(const LruList& list, std::uint8_t number, OrderOf&& order_of,
                  base::InvariantReport& out) const;

 private:
  [[nodiscard]] LruSlot& at(std::uint32_t link) const { return slots_[link - 1]; }

  phys::ReservedMemory memory_;
  LruSlot* slots_ = nullptr;
};

// Whoever keeps the lists. Owned by this layer, so that folios can say what
// becomes of them; reclaim/ implements it and the kernel wires it.
class LruPort {
 public:
  virtual ~LruPort() = default;
  // The folio was mapped for the first time, or came into a cache
  // (folio_add_lru). It may be on a list already.
  virtual void added(Pfn head) = 0;
  // Its last reference is gone: off its list, its memory is nobody's any more.
  virtual void freed(Pfn head, Order order) = 0;
  // It became these folios, which take its place (lru_add_split_folio).
  virtual void split(Pfn head, std::span<const Order> pieces) = 0;
  // It was locked into memory or unlocked.
  virtual void mlock_changed(Pfn head) = 0;
};

template <typename OrderOf>
void LruTable::check_list(const LruList& list, std::uint8_t number, OrderOf&& order_of,
                          base::InvariantReport& out) const {
  std::uint64_t folios = 0;
  std::uint64_t pages = 0;
  std::uint32_t before = 0;
  for (std::uint32_t link = list.first_; link != 0 && folios <= list.folios_; link = at(link).next) {
    const LruSlot& slot = at(link);
    if (slot.prev != before) out.broken("I-LRU-1", "frame {}: its younger neighbour is another", link - 1);
    if (slot.list != number)
      out.broken("I-LRU-2", "frame {} on list {} says list {}", link - 1, number, slot.list);
    ++folios;
    pages += order_of(Pfn(link - 1)).pages().raw();
    before = link;
  }
  if (folios != list.folios_ || pages != list.pages_ || before != list.last_)
    out.broken("I-LRU-1", "list {} holds {} folios of {} pages, counts {} of {}", number, folios, pages,
               list.folios_, list.pages_);
}

}  // namespace quire::folio
