// A set of sizes for single mappings, through a call like process_madvise
// (discussed in 2023, never merged). Naming sizes is advice: it switches on
// those of them that an administrator left at `madvise` or better, and is the
// whole choice of the mapping from then on.
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet orders(const Facts& facts) {
  if (!facts.hints.sized || facts.caller == Caller::forced_collapse) return linux_orders(facts);
  VmaHints advised = facts.hints;
  advised.hugepage = true;
  return linux_orders({facts.settings, facts.masks, facts.process, advised, facts.caller}) &
         facts.hints.sizes;
}

}  // namespace

constinit const Policy kSizeSet{
    .name = "size-set",
    .about = "Linux 6.18 with a call that gives single mappings a set of sizes of their own (2023).",
    .systems = "19",
    .orders = orders,
    .takes_size_sets = true,
};

}  // namespace quire::policy
