#include "vm/policy_hints.h"

#include "policy/policy.h"
#include "vm/each_mapping.h"

namespace quire::vm {
namespace {

// Gives every mapping of `range` the flags `change` makes of its own.
template <typename Change>
Result<void, Errno> change_flags(AddressSpace& mm, VirtRange range, Change change) {
  if (!range.begin.aligned() || !range.end.aligned() || range.empty()) return fail(Errno::kInval);
  const auto change_part = [&](Vma& vma, VirtRange part) -> Result<void, Errno> {
    if (!vma.is_anonymous()) return fail(Errno::kBadF);
    (void)QUIRE_TRY(mm.modify(vma, part, change(vma.flags)));
    return {};
  };
  if (QUIRE_TRY(each_mapping(mm, range, change_part)) == Coverage::kHoles) return fail(Errno::kNoMem);
  return {};
}

}  // namespace

Result<void, Errno> set_sizes(AddressSpace& mm, VirtRange range, std::optional<OrderSet> orders) {
  if (!mm.system().settings.policy->takes_size_sets) return fail(Errno::kInval);
  if (orders && (*orders & kAnonOrders) != *orders) return fail(Errno::kInval);
  return change_flags(mm, range, [orders](VmFlags flags) {
    flags = flags.without(kVmSizes | VmFlag::kSized);
    if (!orders) return flags;
    return flags | VmFlag::kSized | VmFlags(std::uint64_t{orders->raw()} << kVmSizesShift);
  });
}

Result<void, Errno> name_mappings(AddressSpace& mm, VirtRange range, std::string_view name) {
  const auto marks = mm.system().settings.policy->marks_name;
  const bool marked = marks != nullptr && marks(name);
  return change_flags(mm, range, [marked](VmFlags flags) {
    flags = flags.without(VmFlag::kMarkedName);
    return marked ? flags | VmFlag::kMarkedName : flags;
  });
}

void name_process(AddressSpace& mm, std::string_view name) {
  const auto excepts = mm.system().settings.policy->excepts_process;
  if (excepts != nullptr && excepts(name)) mm.thp = policy::ProcessThp::kDisabled;
}

}  // namespace quire::vm
