// arch/skip_empty.h - over the empty entries of a table, of which most are.
#pragma once

#include "arch/entry.h"

namespace quire::arch {

// The first entry from `e` on, before `end`, of which any bit is set; `end`
// without one. An entry without bits is none on every architecture.
inline const Entry* skip_empty(const Entry* e, const Entry* end) {
  constexpr int kAtOnce = 8;
  for (; end - e >= kAtOnce; e += kAtOnce) {
    std::uint64_t any = 0;
    for (int i = 0; i < kAtOnce; ++i) any |= e[i].bits;
    if (any != 0) break;
  }
  while (e != end && e->bits == 0) ++e;
  return e;
}

}  // namespace quire::arch
