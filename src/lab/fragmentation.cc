#include "lab/fragmentation.h"

#include "base/check.h"
#include "base/rng.h"

namespace quire::lab {

void fragment(phys::PhysMemory& memory, const Fragmentation& how) {
  QUIRE_CHECK(how.chance >= 0 && how.chance <= kMostFragmented);
  if (how.chance == 0) return;
  constexpr std::uint64_t kParts = 1'000'000;
  const auto failing = static_cast<std::uint64_t>(how.chance * kParts);
  memory.set_failure_injector([rng = base::Rng(how.seed), failing](Order order) mutable {
    return order != kOrder0 && rng.below(kParts) < failing;
  });
}

}  // namespace quire::lab
