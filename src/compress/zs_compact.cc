// Compaction: objects of the emptiest zspages fill the holes of the fullest
// (__zs_compact, migrate_zspage of mm/zsmalloc.c, Linux 6.18).
#include <utility>

#include "compress/zs_state.h"

namespace quire::compress {
namespace {

// Takes the first zspage that is neither empty nor full out of its list,
// looking from the emptiest or from the fullest; null: there is none.
enum class From : std::uint8_t { kEmptiest, kFullest };

Zspage* isolate(ZsPool::State& pool, unsigned class_number, From from) {
  auto& lists = pool.pages[class_number].by_fullness;
  constexpr unsigned kPartial = kZsFullnessGroups - 2;
  for (unsigned n = 1; n <= kPartial; ++n) {
    ZspageList& list = lists[from == From::kEmptiest ? n : kPartial + 1 - n];
    if (list.empty()) continue;
    Zspage& found = list.front();
    list.pop_front();
    return &found;
  }
  return nullptr;
}

}  // namespace

PageCount ZsPool::State::freeable(unsigned class_number) const {
  const ZsClass& c = classes.all()[class_number];
  const std::uint64_t unused = pages[class_number].zspages * c.objects - pages[class_number].in_use;
  return PageCount(unused / c.objects * c.pages.raw());
}

void ZsPool::State::migrate(Zspage& from, Zspage& to) {
  const unsigned objects = class_of(from).objects;
  for (std::uint32_t n = 0; from.in_use > 0 && to.in_use < objects; ++n) {
    if ((from.words[n] & Zspage::kUsed) == 0) continue;
    const std::uint64_t handle = from.words[n] & ~Zspage::kUsed;
    const ZsPlace place{&to, take(to, handle)};
    copy({&from, n}, place);
    places[handle] = place;
    put(from, n);
  }
}

PageCount ZsPool::State::compact(unsigned class_number) {
  const unsigned objects = classes.all()[class_number].objects;
  const PageCount before = total;
  Zspage* to = nullptr;
  while (freeable(class_number) > PageCount(0)) {
    if (to == nullptr) to = isolate(*this, class_number, From::kFullest);
    Zspage* from = to == nullptr ? nullptr : isolate(*this, class_number, From::kEmptiest);
    if (from == nullptr) break;
    migrate(*from, *to);
    if (from->in_use == 0)
      drop(from);
    else
      insert(*from);
    if (to->in_use == objects) insert(*std::exchange(to, nullptr));
  }
  if (to != nullptr) insert(*to);
  return before - total;
}

PageCount ZsPool::freeable() const {
  PageCount sum;
  for (unsigned n = 0; n < state_->pages.size(); ++n) sum += state_->freeable(n);
  return sum;
}

PageCount ZsPool::compact() {
  PageCount won;
  for (unsigned n = 0; n < state_->pages.size(); ++n) won += state_->compact(n);
  state_->compacted += won;
  return won;
}

}  // namespace quire::compress
