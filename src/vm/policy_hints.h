// vm/policy_hints.h - hints that only named policies take: sizes, names.
//
// Mirrors: the size list proposed for process_madvise (2023, not merged);
// PR_SET_VMA_ANON_NAME and PR_SET_NAME, which Linux 6.18 has, with what OPPO's
// kernels make of the names. Differs: a name stays with the mapping only as
// far as the policy knows it.
#pragma once

#include <optional>
#include <string_view>

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::vm {

// The mappings of `range` may use these orders (2 to 9) and no others; none:
// what everybody may. kInval: the policy takes no sets, an order that is none
// of anonymous memory, or an unaligned range. kNoMem: part of it is not mapped.
[[nodiscard]] Result<void, Errno> set_sizes(AddressSpace& mm, VirtRange range,
                                            std::optional<OrderSet> orders);

// Names the anonymous mappings of `range`. kBadF: a mapping of a file.
[[nodiscard]] Result<void, Errno> name_mappings(AddressSpace& mm, VirtRange range, std::string_view name);

// The process is called so from now on, and so are its children.
void name_process(AddressSpace& mm, std::string_view name);

}  // namespace quire::vm
