// Every kind of lists under random use: links, places and marks stay sound, folios that
// nobody uses go in the end, folios in use do not go while others are there.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "reclaim/classic_lru.h"
#include "reclaim/gen_lru.h"
#include "reclaim/testing_dual.h"
#include "reclaim/testing_users.h"

namespace quire::reclaim {
namespace {

// A machine and the plainest book of what is on it.
template <typename Lists>
struct Play {
  Play() {
    m.groups.create("one");
    m.groups.create("two");
  }
  ListMachine<Lists> m;
  std::map<std::uint64_t, unsigned> live;  // head -> order

  void settle() {
    for (const std::uint64_t head : m.users.went) live.erase(head);
    m.users.went.clear();
  }
  [[nodiscard]] std::uint64_t pick() const {
    return std::next(live.begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(live)))->first;
  }
  void map() {
    const Order order(*rc::gen::element(0U, 0U, 0U, 2U, 4U));
    const folio::GroupId group(*rc::gen::inRange<std::uint16_t>(0, 3));
    live.emplace(m.map(order, group).raw(), order.raw());
  }
  void split() {
    const Pfn head(pick());
    const Order order(live[head.raw()]);
    if (order == kOrder0) return;
    const auto n = static_cast<std::uint32_t>(order.pages().raw());
    m.folios.get(head);
    m.folios.remove_rmap_ptes(head, n, folio::MmId(1));
    m.folios.put(head, n);
    m.folios.split_into(head, std::vector<Order>(n, kOrder0));
    for (std::uint64_t i = 0; i < n; ++i) {
      m.folios.add_anon_rmap_ptes(head + PageCount(i), 1, folio::MmId(1), folio::Exclusive::kYes);
      live[head.raw() + i] = 0;
    }
  }
  void mlock() {
    const Pfn head(pick());
    m.folios.mlocked(head) ? m.folios.munlock(head) : m.folios.mlock(head);
  }
  void unmap() {
    const std::uint64_t head = pick();
    if (m.folios.mlocked(Pfn(head))) m.folios.munlock(Pfn(head));
    m.users.used.erase(head);
    m.unmap(Pfn(head));
    live.erase(head);
  }
  void reclaim() {
    const folio::GroupId group(*rc::gen::inRange<std::uint16_t>(0, 3));
    m.reclaim(*rc::gen::inRange<std::uint64_t>(1, 64), group);
    settle();
  }
  void step() {
    const int what = live.empty() ? 0 : *rc::gen::inRange(0, 12);
    if (what < 4 && live.size() < 300) map();
    if (live.empty()) return;
    if (what == 4 || what == 5) m.users.use(Pfn(pick()));
    if (what == 6) split();
    if (what == 7) mlock();
    if (what == 8) unmap();
    if (what == 9) m.lists.deactivate(Pfn(pick()));
    if (what >= 10) reclaim();
    RC_ASSERT(m.broken() == "");
  }
  // Nobody uses anything any more: all but the locked ones can go.
  void drain() {
    m.users.used.clear();
    // A call takes 32 pages at a time from an active list, and those of the root only where the
    // inactive ones of all groups are few.
    for (int in_vain = 0; in_vain < 4;) {
      std::uint64_t taken = 0;
      for (std::uint16_t g = 0; g < 3; ++g) taken += m.reclaim(100000, folio::GroupId(g));
      in_vain = taken == 0 ? in_vain + 1 : 0;
    }
    settle();
    for (const auto& [head, order] : live) RC_ASSERT(m.folios.mlocked(Pfn(head)));
    RC_ASSERT(m.broken() == "");
    for (const auto& [head, order] : live) {
      m.folios.munlock(Pfn(head));
      m.unmap(Pfn(head));
    }
  }
};

template <typename Lists>
void play() {
  Play<Lists> p;
  const int steps = *rc::gen::inRange(1, 300);
  for (int i = 0; i < steps; ++i) p.step();
  p.drain();
}

RC_GTEST_PROP(ListsProp, ClassicListsStaySound, ()) { play<ClassicLru>(); }
RC_GTEST_PROP(ListsProp, GenerationsStaySound, ()) { play<GenLru>(); }
RC_GTEST_PROP(ListsProp, DualListsStaySound, ()) { play<TwoClassic>(); }

}  // namespace
}  // namespace quire::reclaim
