// Zspages: their frames, their objects, the lists they are in.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "compress/zs_state.h"

namespace quire::compress {

ZsPool::State::State(PageSource& from, const ZsOptions& options)
    : source(from), classes(options), pages(classes.all().size()), moving(options.largest_object.raw()) {}

ZsPool::State::~State() {
  for (ZsClassPages& c : pages)
    for (ZspageList& list : c.by_fullness) list.clear_and_dispose([this](Zspage* z) { drop(z); });
}

ZsPlace& ZsPool::State::place(ZsHandle handle) {
  QUIRE_CHECK(handle.valid() && handle.raw() <= places.size());
  ZsPlace& place = places[handle.raw() - 1];
  QUIRE_CHECK(place.zspage != nullptr);
  return place;
}

std::unique_ptr<Zspage> ZsPool::State::new_zspage(unsigned class_number) {
  const ZsClass& c = classes.all()[class_number];
  auto zspage = std::make_unique<Zspage>();
  zspage->class_number = class_number;
  zspage->frames.reserve(c.pages.raw());
  while (zspage->frames.size() < c.pages.raw()) {
    const std::optional<Pfn> frame = source.allocate();
    if (!frame) {
      for (const Pfn taken : zspage->frames) source.free(taken);
      return nullptr;
    }
    zspage->frames.push_back(*frame);
  }
  zspage->words.resize(c.objects);
  for (std::uint32_t n = 0; n < c.objects; ++n) zspage->words[n] = n + 1;
  total += c.pages;
  ++pages[class_number].zspages;
  return zspage;
}

void ZsPool::State::drop(Zspage* zspage) {
  const std::unique_ptr<Zspage> gone(zspage);
  for (const Pfn frame : gone->frames) source.free(frame);
  total -= PageCount(gone->frames.size());
  --pages[gone->class_number].zspages;
}

void ZsPool::State::insert(Zspage& zspage) {
  zspage.fullness = fullness_of(zspage.in_use, class_of(zspage).objects);
  pages[zspage.class_number].by_fullness[zspage.fullness].push_front(zspage);
}

void ZsPool::State::remove(Zspage& zspage) {
  ZspageList& list = pages[zspage.class_number].by_fullness[zspage.fullness];
  list.erase(list.iterator_to(zspage));
}

void ZsPool::State::fix_fullness(Zspage& zspage) {
  if (fullness_of(zspage.in_use, class_of(zspage).objects) == zspage.fullness) return;
  remove(zspage);
  insert(zspage);
}

Zspage* ZsPool::State::with_room(unsigned class_number) {
  auto& lists = pages[class_number].by_fullness;
  for (unsigned fullness = kZsFullnessGroups - 1; fullness-- > 0;)
    if (!lists[fullness].empty()) return &lists[fullness].front();
  return nullptr;
}

std::uint32_t ZsPool::State::take(Zspage& zspage, std::uint64_t handle_number) {
  const std::uint32_t object = zspage.first_free;
  zspage.first_free = static_cast<std::uint32_t>(zspage.words[object]);
  zspage.words[object] = Zspage::kUsed | handle_number;
  ++zspage.in_use;
  return object;
}

void ZsPool::State::put(Zspage& zspage, std::uint32_t object) {
  zspage.words[object] = zspage.first_free;
  zspage.first_free = object;
  --zspage.in_use;
}

std::uint64_t ZsPool::State::start_of(const ZsPlace& place) const {
  const ZsClass& c = class_of(*place.zspage);
  return place.object * c.size.raw() + c.handle_room().raw();
}

void ZsPool::State::copy(const ZsPlace& from, const ZsPlace& to) {
  const ZsClass& c = class_of(*from.zspage);
  const std::uint64_t size = c.size.raw() - c.handle_room().raw();
  std::byte* at = moving.data();
  each_piece(*from.zspage, start_of(from), size, [&](const std::byte* piece, std::uint64_t n) {
    std::memcpy(at, piece, n);
    at += n;
  });
  at = moving.data();
  each_piece(*to.zspage, start_of(to), size, [&](std::byte* piece, std::uint64_t n) {
    std::memcpy(piece, at, n);
    at += n;
  });
}

}  // namespace quire::compress
