#include "swap/cluster_lists.h"

#include "base/check.h"

namespace quire::swap {

const ClusterLists::Ends& ClusterLists::ends(ClusterList list, Order order) const {
  switch (list) {
    case ClusterList::kFree:
      return free_;
    case ClusterList::kFull:
      return full_;
    case ClusterList::kDiscard:
      return discard_;
    case ClusterList::kNonfull:
      return nonfull_[order.raw()];
    case ClusterList::kFrag:
      return frag_[order.raw()];
    case ClusterList::kNone:
      break;
  }
  QUIRE_CHECK_MSG(false, "a cluster in no list has no neighbours");
  return free_;
}

ClusterLists::Ends& ClusterLists::ends(ClusterList list, Order order) {
  return const_cast<Ends&>(std::as_const(*this).ends(list, order));
}

ClusterLists::Index ClusterLists::grow() {
  clusters_.emplace_back();
  return size() - 1;
}

void ClusterLists::unlink(Index i) {
  Cluster& c = clusters_[i];
  Ends& at = ends(c.list, c.order);
  (c.previous == kEnd ? at.first : clusters_[c.previous].next) = c.next;
  (c.next == kEnd ? at.last : clusters_[c.next].previous) = c.previous;
  c.list = ClusterList::kNone;
}

void ClusterLists::move(Index i, ClusterList to) {
  Cluster& c = clusters_[i];
  QUIRE_CHECK(c.list != to);
  if (c.list != ClusterList::kNone) unlink(i);
  if (to == ClusterList::kFree) c.order = kOrder0;
  Ends& at = ends(to, c.order);
  c.previous = at.last;
  c.next = kEnd;
  (at.last == kEnd ? at.first : clusters_[at.last].next) = i;
  at.last = i;
  c.list = to;
}

std::optional<ClusterLists::Index> ClusterLists::isolate(ClusterList list, Order order) {
  const Index first = ends(list, order).first;
  if (first == kEnd) return std::nullopt;
  unlink(first);
  return first;
}

std::vector<ClusterLists::Index> ClusterLists::members(ClusterList list, Order order) const {
  std::vector<Index> found;
  for (Index i = ends(list, order).first; i != kEnd; i = clusters_[i].next) found.push_back(i);
  return found;
}

void ClusterLists::check_invariants(base::InvariantReport& out) const {
  std::vector<std::uint8_t> seen(size(), 0);
  const auto check = [&](ClusterList list, Order order) {
    for (const Index i : members(list, order)) {
      if (seen[i]++ != 0) out.broken("I-SWAP-3", "cluster {} is in two lists", i);
      if (clusters_[i].list != list) out.broken("I-SWAP-3", "cluster {} names another list", i);
    }
  };
  for (const ClusterList list : {ClusterList::kFree, ClusterList::kFull, ClusterList::kDiscard})
    check(list, kOrder0);
  for (unsigned o = 0; o < kSwapOrders; ++o) {
    check(ClusterList::kNonfull, Order(o));
    check(ClusterList::kFrag, Order(o));
  }
  for (Index i = 0; i < size(); ++i)
    if (seen[i] == 0) out.broken("I-SWAP-3", "cluster {} is in no list", i);
}

}  // namespace quire::swap
