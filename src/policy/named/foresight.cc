// The policy that no kernel can have: it is told, for each fault, which sizes the
// program will fill: what large folios could do that waste nothing.
// lab/foresight.h tells it; where nobody does, every fault gets a single page.
#include "policy/named/named.h"

namespace quire::policy {
namespace {

void adjust(Settings& settings) {
  for (unsigned o = 2; o <= kPmdOrder; ++o) settings.at(Order(o)) = SizeEnabled::always;
}

}  // namespace

constinit const Policy kForesight{
    .name = "foresight",
    .about =
        "An oracle, for comparison: a first pass says what will be written to, and each fault gets the "
        "largest folio of such pages only.",
    .systems = "none",
    .adjust = adjust,
    .foresight = Foresight::kFaults,
};

}  // namespace quire::policy
