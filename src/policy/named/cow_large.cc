// A write to a page of a shared large folio copies as much of it as fits,
// not 4 KiB (Ryan Roberts' RFC and OPPO's thp_cow, 2023).
#include "policy/named/named.h"

namespace quire::policy {
namespace {

OrderSet cow_orders(const Facts& facts) { return linux_orders(facts).below(kOrderPmd); }

}  // namespace

constinit const Policy kCowLarge{
    .name = "cow-large",
    .about = "Linux 6.18, but a write to a shared large folio copies up to all of it.",
    .systems = "25",
    .cow_orders = cow_orders,
};

}  // namespace quire::policy
