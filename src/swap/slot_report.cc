#include "swap/slot_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace quire::swap {

namespace {

constexpr std::uint32_t kMarks = 64;

bool free_at(const Cluster& c, std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t at = first; c.table && at < first + count; ++at)
    if (!c.table->free(at)) return false;
  return true;
}

// Folios of this order that the cluster would take.
std::uint64_t room_in(const Cluster& c, Order order) {
  if (!c.empty() && c.order != order && order != kOrder0) return 0;
  const auto pages = static_cast<std::uint32_t>(order.pages().raw());
  std::uint64_t room = 0;
  for (std::uint32_t at = 0; at < kClusterSlots; at += pages) room += free_at(c, at, pages) ? 1U : 0U;
  return room;
}

std::string_view name_of(ClusterList list) {
  switch (list) {
    case ClusterList::kNone:
      return "none";
    case ClusterList::kFree:
      return "free";
    case ClusterList::kNonfull:
      return "nonfull";
    case ClusterList::kFrag:
      return "frag";
    case ClusterList::kFull:
      return "full";
    case ClusterList::kDiscard:
      return "discard";
  }
  return "";
}

// What most needs to be seen of some slots: bad ones, used ones by how many of them, cached
// ones, none.
char mark(const SlotTable& table, std::uint32_t first, std::uint32_t count) {
  std::uint32_t used = 0;
  bool in_use = false;
  for (std::uint32_t at = first; at < first + count; ++at) {
    if (table.count(at) == SlotTable::kBad) return 'x';
    used += table.free(at) ? 0U : 1U;
    in_use = in_use || table.count(at) != 0;
  }
  if (used == 0) return '.';
  if (!in_use) return 'c';
  return used == count ? '#' : '+';
}

}  // namespace

SlotReport report_of(const Device& device) {
  const ClusterLists& clusters = device.slots.clusters();
  SlotReport report;
  report.priority = device.priority;
  report.pages = device.pages;
  report.used = device.used;
  report.requests = device.requests;
  report.bytes = device.slots.bytes() + (device.behind ? device.behind->bytes() : 0);
  report.free = clusters.members(ClusterList::kFree);
  report.full = clusters.members(ClusterList::kFull);
  report.discard = clusters.members(ClusterList::kDiscard);
  for (unsigned o = 0; o < kSwapOrders; ++o) {
    report.nonfull[o] = clusters.members(ClusterList::kNonfull, Order(o));
    report.frag[o] = clusters.members(ClusterList::kFrag, Order(o));
    for (std::uint32_t i = 0; i < clusters.size(); ++i) report.room[o] += room_in(clusters[i], Order(o));
  }
  return report;
}

std::string picture_of(const Device& device) {
  const ClusterLists& clusters = device.slots.clusters();
  std::string text;
  const std::uint32_t step = std::max(kClusterSlots / kMarks, 1U);
  for (std::uint32_t i = 0; i < clusters.size(); ++i) {
    const Cluster& c = clusters[i];
    if (!c.table) continue;
    std::string marks;
    for (std::uint32_t at = 0; at < kClusterSlots; at += step) marks += mark(*c.table, at, step);
    text += fmt::format("{:>6} {:<7} order {} {:>4} {}\n", i, name_of(c.list), c.order.raw(), c.used, marks);
  }
  return text;
}

}  // namespace quire::swap
