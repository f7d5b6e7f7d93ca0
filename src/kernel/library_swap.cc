// Swap devices of the public library.
#include <fmt/format.h>

#include "kernel/library_state.h"
#include "kernel/swap_devices.h"
#include "swap/backend.h"

namespace quire {
namespace {

std::string_view words_of(swap::IoError why) {
  switch (why) {
    case swap::IoError::kWrite:
      return "the device could not write it";
    case swap::IoError::kRead:
      return "the device could not read it";
    case swap::IoError::kCorrupt:
      return "what the device holds is not what was written";
    case swap::IoError::kFull:
      return "the device is full";
    case swap::IoError::kNoMemory:
      return "there is no memory for its tags";
  }
  return {};
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

std::vector<std::string> Kernel::swap_losses() const {
  const vm::System& system = state_->kernel->system();
  std::vector<std::string> lines;
  for (const vm::SwapLoss& loss : system.swap_losses) {
    std::uint32_t pid = 0;
    for (const auto& [number, process] : state_->processes)
      if (process->state_->mm->id() == loss.mm) pid = number;
    lines.push_back(fmt::format("process {}: the page at {:#x} is lost: slot {} of {}, {}", pid,
                                loss.addr.raw(), loss.entry.slot(),
                                system.swap.backend(loss.entry.device()).name(), words_of(loss.why)));
  }
  return lines;
}

}  // namespace quire
