// Pins and userfaultfd of a program.
#include <algorithm>
#include <array>

#include "kernel/library_state.h"
#include "vm/pin.h"
#include "vm/uffd.h"

namespace quire {
namespace {

VirtRange pages_of(VirtAddr addr, ByteCount length) {
  return {addr.align_down(), (addr + length).align_up()};
}

}  // namespace

Result<void, Errno> Process::pin(VirtAddr addr, ByteCount length) {
  const VirtRange range = pages_of(addr, length);
  auto pages = QUIRE_TRY(vm::pin_longterm(*state_->mm, range));
  state_->pins.push_back({range, std::move(pages)});
  return {};
}

Result<void, Errno> Process::unpin(VirtAddr addr, ByteCount length) {
  std::vector<State::Pin>& pins = state_->pins;
  const VirtRange range = pages_of(addr, length);
  const auto found = std::ranges::find(pins.rbegin(), pins.rend(), range, &State::Pin::range);
  if (found == pins.rend()) return fail(Errno::kInval);
  vm::unpin(state_->mm->system(), found->pages);
  pins.erase(std::next(found).base());
  return {};
}

Result<void, Errno> Process::pin_to_read(VirtAddr addr, ByteCount length) {
  return vm::pin_to_read(*state_->mm, pages_of(addr, length));
}

void Process::drop_pins() {
  for (const State::Pin& pin : state_->pins) vm::unpin(state_->mm->system(), pin.pages);
  state_->pins.clear();
}

Result<void, Errno> Process::uffd_register(VirtAddr addr, ByteCount length) {
  return vm::uffd_register(*state_->mm, {addr, addr + length});
}

Result<void, Errno> Process::uffd_unregister(VirtAddr addr, ByteCount length) {
  return vm::uffd_unregister(*state_->mm, {addr, addr + length});
}

Result<void, Errno> Process::uffd_copy(VirtAddr addr, ByteCount length, std::byte fill) {
  std::array<std::byte, kPageSize> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled next
  bytes.fill(fill);
  for (VirtAddr at = addr; at < addr + length; at += PageCount(1))
    QUIRE_TRY(vm::uffd_copy(*state_->mm, at, bytes));
  return {};
}

Result<void, Errno> Process::uffd_zeropage(VirtAddr addr, ByteCount length) {
  for (VirtAddr at = addr; at < addr + length; at += PageCount(1))
    QUIRE_TRY(vm::uffd_zeropage(*state_->mm, at));
  return {};
}

}  // namespace quire
