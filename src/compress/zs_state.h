// compress/zs_state.h - the inside of a ZsPool: zspages, their lists, the
// table of handles. For the sources of ZsPool only.
#pragma once

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "compress/zs_classes.h"
#include "compress/zsmalloc.h"

namespace quire::compress {

// One chain of frames and its objects.
struct Zspage {
  unsigned class_number = 0;
  unsigned in_use = 0;
  unsigned fullness = 0;
  std::uint32_t first_free = 0;  // the number of an object; those it has, if all are in use
  std::vector<Pfn> frames;
  // What the kernel keeps in the word before each object: of one in use
  // kUsed and the number of its handle, of a free one the next free.
  std::vector<std::uint64_t> words;
  boost::intrusive::list_member_hook<> hook;  // list of its class and fullness; none while compacted

  static constexpr std::uint64_t kUsed = 1ULL << 63;
};

using ZspageList = boost::intrusive::list<
    Zspage, boost::intrusive::member_hook<Zspage, boost::intrusive::list_member_hook<>, &Zspage::hook>>;

// Where an object lies.
struct ZsPlace {
  Zspage* zspage = nullptr;  // null: the handle names nothing
  std::uint32_t object = 0;
};

// The zspages of one class.
struct ZsClassPages {
  std::array<ZspageList, kZsFullnessGroups> by_fullness;
  std::uint64_t zspages = 0;
  std::uint64_t in_use = 0;
};

struct ZsPool::State {
  State(PageSource& from, const ZsOptions& options);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[nodiscard]] const ZsClass& class_of(const Zspage& z) const { return classes.all()[z.class_number]; }
  [[nodiscard]] ZsPlace& place(ZsHandle handle);

  // --- zspages (zs_zspage.cc) ---
  // A zspage without objects, in no list; null when the source has too few frames.
  [[nodiscard]] std::unique_ptr<Zspage> new_zspage(unsigned class_number);
  // Gives back the frames of one that is in no list, and forgets it.
  void drop(Zspage* zspage);
  void insert(Zspage& zspage);
  void remove(Zspage& zspage);
  // Moves it to the list that fits how full it is now (fix_fullness_group).
  void fix_fullness(Zspage& zspage);
  // The fullest with room (find_get_zspage), or null.
  [[nodiscard]] Zspage* with_room(unsigned class_number);
  // Takes its first free object into use for a handle, and back.
  [[nodiscard]] std::uint32_t take(Zspage& zspage, std::uint64_t handle_number);
  void put(Zspage& zspage, std::uint32_t object);

  // --- bytes (zs_zspage.cc) ---
  // Calls fn(bytes of a frame, how many) for each frame that `size` bytes of the object lie
  // in, in order; not at all where the source keeps no contents.
  template <typename Fn>
  void each_piece(const Zspage& zspage, std::uint64_t from, std::uint64_t size, Fn fn);
  // Where the object's own bytes start in its zspage.
  [[nodiscard]] std::uint64_t start_of(const ZsPlace& place) const;
  void copy(const ZsPlace& from, const ZsPlace& to);

  // --- compaction (zs_compact.cc) ---
  [[nodiscard]] PageCount freeable(unsigned class_number) const;
  [[nodiscard]] PageCount compact(unsigned class_number);
  void migrate(Zspage& from, Zspage& to);

  PageSource& source;
  ZsClasses classes;
  std::vector<ZsClassPages> pages;  // by class number
  std::vector<ZsPlace> places;      // by handle number
  std::vector<std::uint64_t> free_handles;
  std::vector<std::byte> moving;  // room for one object on its way
  PageCount total;
  PageCount compacted;
};

// How full a zspage with `in_use` of `objects` objects is (get_fullness_group).
[[nodiscard]] constexpr unsigned fullness_of(unsigned in_use, unsigned objects) {
  if (in_use == 0) return 0;
  if (in_use == objects) return kZsFullnessGroups - 1;
  return 100 * in_use / objects / 10 + 1;
}

template <typename Fn>
void ZsPool::State::each_piece(const Zspage& zspage, std::uint64_t from, std::uint64_t size, Fn fn) {
  while (size > 0) {
    const std::uint64_t offset = from % kPageSize;
    const std::uint64_t piece = std::min(size, kPageSize - offset);
    std::byte* bytes = source.bytes(zspage.frames[from / kPageSize]);
    if (bytes == nullptr) return;
    fn(bytes + offset, piece);
    from += piece;
    size -= piece;
  }
}

}  // namespace quire::compress
