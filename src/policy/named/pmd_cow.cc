// Luka Bai's patch set of 1 May 2026, withdrawn: a write to a shared 2 MiB
// mapping copies all of it where the file thp_cow or advice says so, and 2
// MiB is allowed at all.
#include <array>

#include "policy/named/named.h"

namespace quire::policy {
namespace {

constexpr std::array<std::string_view, 1> kFiles{"thp_cow"};

bool copies_pmd(const Facts& facts) {
  if (!linux_orders(facts).contains(kOrderPmd)) return false;
  const GlobalEnabled cow = facts.settings.thp_cow;
  return cow == GlobalEnabled::always || (cow == GlobalEnabled::madvise && facts.hints.cow);
}

void adjust(Settings& settings) { settings.thp_cow = GlobalEnabled::madvise; }

}  // namespace

constinit const Policy kPmdCow{
    .name = "pmd-cow",
    .about =
        "Linux 6.18, but a write to a shared 2M copies all of it where thp_cow or advice says so (2026).",
    .systems = "84, 85, 90",
    .adjust = adjust,
    .files = kFiles,
    .copies_pmd = copies_pmd,
    .takes_cow_advice = true,
};

}  // namespace quire::policy
