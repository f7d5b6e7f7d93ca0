// Swap devices of the public library.
#include <fmt/format.h>

#include "kernel/library_state.h"
#include "kernel/swap_devices.h"
#include "swap/backend.h"

namespace quire {
namespace {

SwapLoss::Cause cause_of(swap::IoError why) {
  return why == swap::IoError::kCorrupt ? SwapLoss::Cause::kCorrupt : SwapLoss::Cause::kReadError;
}

}  // namespace

Result<unsigned, Errno> Kernel::swapon(std::unique_ptr<swap::Backend> device, std::optional<int> priority) {
  swap::SwaponOptions options;
  if (priority) options.priority = static_cast<std::int16_t>(*priority);
  return QUIRE_TRY(state_->kernel->swapon(std::move(device), options));
}

Result<unsigned, Diagnostic> Kernel::swapon(const SwapDevice& device) {
  auto made = QUIRE_TRY(kernel::make_swap_device(state_->kernel->system(), device));
  const auto number = swapon(std::move(made), device.priority);
  if (!number) return fail(Diagnostic{Diagnostic::Kind::kFailure, "swapon", errno_name(number.error()), ""});
  return *number;
}

Result<void, Errno> Kernel::swapoff(unsigned device) {
  return state_->kernel->swapoff(static_cast<std::uint8_t>(device));
}

PageCount Kernel::swap_total() const { return state_->kernel->system().swap.total(); }
PageCount Kernel::swap_used() const { return state_->kernel->system().swap.used(); }

Result<std::string, Errno> Kernel::zswap_read(std::string_view file) const {
  const swap::Zswap* const zswap = state_->kernel->system().zswap.get();
  if (zswap == nullptr) return fail(Errno::kNoEnt);
  return zswap->read_file(file);
}

std::string SwapLoss::line() const {
  const std::string_view why =
      cause == Cause::kCorrupt ? "is corrupt: it holds other bytes than were written" : "could not be read";
  return fmt::format("process {}: the page at {:#x} is lost: slot {} of {}{} {}", pid, addr.raw(),
                     slot.slot(), device, in_zswap ? ", in zswap," : "", why);
}

std::vector<SwapLoss> Kernel::swap_losses() const {
  std::vector<SwapLoss> losses;
  for (const vm::SwapLoss& loss : state_->kernel->system().swap_losses)
    losses.push_back({.pid = state_->pid_of(loss.mm),
                      .addr = loss.addr,
                      .slot = loss.entry,
                      .device = loss.device,
                      .in_zswap = loss.in_zswap,
                      .cause = cause_of(loss.why)});
  return losses;
}

bool Kernel::damage_swapped(SwapEntry slot) {
  vm::System& system = state_->kernel->system();
  return system.memory.contents() == phys::Contents::kKept && system.swap.damage(slot);
}

}  // namespace quire
