// OPPO's phones (kernels 4.19 to 6.1): 64 KiB or 4 KiB, nothing else; only in
// mappings whose name is on a list of what user space was made ready for, and
// not in processes on a list of exceptions. Advice marks a mapping as well:
// that is how the vendor meant to go on with the interface of mainline.
#include <algorithm>
#include <array>

#include "policy/named/named.h"

namespace quire::policy {
namespace {

constexpr OrderSet kOnly64K = OrderSet::of(k64K) & kAnonOrders;

// The vendor's lists are not public in one place; these are heaps of the
// allocators that Android ships, and services known to free page by page.
constexpr std::array<std::string_view, 4> kMarked{"libc_malloc", "scudo:primary", "partition_alloc",
                                                  "dalvik-main space"};
constexpr std::array<std::string_view, 2> kExcepted{"zygote_secondary", "crash_dump64"};

bool marks_name(std::string_view name) { return std::ranges::find(kMarked, name) != kMarked.end(); }
bool excepts_process(std::string_view name) { return std::ranges::find(kExcepted, name) != kExcepted.end(); }

OrderSet orders(const Facts& facts) {
  if (!for_fault(facts.caller)) return {};  // no collapse: it may fail, and costs too much where a user waits
  if (thp_disabled(facts) || facts.hints.temporary_stack) return {};
  if (facts.settings.enabled == GlobalEnabled::never) return {};
  return facts.hints.marked || facts.hints.hugepage ? kOnly64K : OrderSet();
}

}  // namespace

constinit const Policy kOppo64K{
    .name = "oppo-64k",
    .about = "OPPO's kernels: 64K or 4K, in mappings marked by name or advice; whole folios counted once.",
    .systems = "20, 24a, 25, 33",
    .sizes = Policy::Sizes::kOwn,
    .orders = orders,
    .cow_orders = orders,
    .marks_name = marks_name,
    .excepts_process = excepts_process,
    .zero_pages = ZeroPages::kFolio64K,
    .map_counts = MapCounts::kEntire,
};

}  // namespace quire::policy
