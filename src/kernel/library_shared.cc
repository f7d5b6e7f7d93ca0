// Shared anonymous memory: pages of a file that only its mappings name.
#include <algorithm>

#include "kernel/library_state.h"

namespace quire {
namespace {

bool maps(const vm::AddressSpace& mm, vm::FileId file) {
  const auto& vmas = mm.mappings();
  return std::any_of(vmas.begin(), vmas.end(), [&](const vm::Vma& vma) { return vma.file.id == file; });
}

}  // namespace

vm::FileRef Kernel::State::new_shared() {
  shared.emplace_back(next_shared++);
  return {shared.back(), vm::FileKind::kShmem};
}

void Kernel::State::drop_unmapped_shared() {
  std::erase_if(shared, [this](vm::FileId file) {
    const auto& spaces = kernel->address_spaces();
    if (std::ranges::any_of(spaces, [&](const auto& mm) { return maps(*mm, file); })) return false;
    kernel->system().page_cache.drop(file);
    return true;
  });
}

}  // namespace quire
