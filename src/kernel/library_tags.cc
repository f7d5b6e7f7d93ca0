#include "kernel/library_tags.h"

#include <algorithm>

#include "kernel/library_state.h"
#include "vm/fault.h"

namespace quire {
namespace {

// Calls fn(page's address, first granule in it, how many, how many before) for each page.
template <typename Fn>
Result<void, Errno> for_each_page(VirtAddr addr, std::size_t n, Fn fn) {
  if (addr.raw() % kTagGranule.raw() != 0) return fail(Errno::kInval);
  for (std::size_t done = 0; done < n;) {
    const VirtAddr at = addr + ByteCount(done * kTagGranule.raw());
    const std::uint64_t granule = at.page_offset() / kTagGranule.raw();
    const std::size_t part = std::min<std::size_t>(n - done, kTagsPerPage - granule);
    QUIRE_TRY(fn(at, granule, part, done));
    done += part;
  }
  return {};
}

}  // namespace

namespace kernel {

Result<phys::MemoryTags, Diagnostic> tags_of(const MachineOptions& machine) {
  if (machine.tags == MemoryTags::kNone) return phys::MemoryTags::kNone;
  if (machine.tags == MemoryTags::kMte && kBuiltArchitecture == Architecture::kX86_64)
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "memory tags", "x86-64 has none",
                           "build for arm64, or ask for them on any architecture"});
  return phys::MemoryTags::kMte;
}

}  // namespace kernel

// The frame, after an access, of memory that has tags.
Result<Pfn, Errno> Process::reach_tags(VirtAddr addr, AccessKind kind) {
  QUIRE_TRY(reach(addr, kind));
  if (!state_->mm->mappings().find(addr)->flags.has(vm::VmFlag::kMte)) return fail(Errno::kOpNotSupp);
  return vm::mapped_frame(*state_->mm, addr);
}

Result<void, Errno> Process::set_tags(VirtAddr addr, std::span<const MemoryTag> tags) {
  return for_each_page(
      addr, tags.size(),
      [&](VirtAddr at, std::uint64_t granule, std::size_t n, std::size_t done) -> Result<void, Errno> {
        const Pfn page = QUIRE_TRY(reach_tags(at, AccessKind::kWrite));
        for (std::size_t i = 0; i < n; ++i)
          state_->mm->memory().tags()->set(page, granule + i, tags[done + i]);
        return {};
      });
}

Result<void, Errno> Process::get_tags(VirtAddr addr, std::span<MemoryTag> tags) {
  return for_each_page(
      addr, tags.size(),
      [&](VirtAddr at, std::uint64_t granule, std::size_t n, std::size_t done) -> Result<void, Errno> {
        const Pfn page = QUIRE_TRY(reach_tags(at, AccessKind::kRead));
        for (std::size_t i = 0; i < n; ++i)
          tags[done + i] = state_->mm->memory().tags()->get(page, granule + i);
        return {};
      });
}

PageCount Kernel::tags_saved() const { return state_->kernel->system().swap.tags_saved(); }

void Kernel::set_tag_loss(bool (*loses)(void* context, SwapEntry entry), void* context) {
  swap::SwapSpace& swap = state_->kernel->system().swap;
  if (loses == nullptr) return swap.set_tag_loss({});
  swap.set_tag_loss([loses, context](SwapEntry entry) { return loses(context, entry); });
}

}  // namespace quire
