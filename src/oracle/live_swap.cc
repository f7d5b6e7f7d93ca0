#include "oracle/live_swap.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "live/zram.h"

namespace quire::litmus {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

Result<void, Diagnostic> check_device(const SwapDevice& device) {
  const auto cannot = [](std::string what) {
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "kernel", std::move(what), ""});
  };
  if (device.unit != ByteCount(kPageSize)) return cannot("its zram compresses each page alone");
  return {};
}

}  // namespace

// With other devices in use the kernel might take their slots, or its numbers
// for ours would be others.
Result<void, Diagnostic> LiveSwap::wait_for_others() const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto others = live::swaps_in_use();
    if (others.empty()) return {};
    if (std::chrono::steady_clock::now() > deadline)
      return fail(Diagnostic{Diagnostic::Kind::kFailure, others.front(), "is in use as swap already",
                             "experiments with swap want to be alone"});
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// The size alone decides over slots, and what was in it is gone since swapoff.
Result<void, Diagnostic> LiveSwap::prepare(Device& device, const SwapDevice& wanted) {
  if (device.formatted.size == wanted.size && device.formatted.algorithm == wanted.algorithm) return {};
  device.formatted = {};
  QUIRE_TRY(live::format_zram(device.number, wanted.algorithm, wanted.size));
  device.formatted = wanted;
  return {};
}

Result<void, Diagnostic> LiveSwap::turn_on(live::SettingsGuard& guard,
                                           const std::vector<SwapDevice>& wanted) {
  for (const SwapDevice& device : wanted) QUIRE_TRY(check_device(device));
  QUIRE_TRY(turn_off());
  if (wanted.empty()) return {};
  QUIRE_TRY(wait_for_others());
  while (devices_.size() < wanted.size()) devices_.push_back({QUIRE_TRY(guard.add_zram()), {}});
  for (const SwapDevice& device : wanted) {
    QUIRE_TRY(prepare(devices_[used_], device));
    QUIRE_TRY(live::swap_on(devices_[used_].number, device.priority));
    ++used_;
  }
  return {};
}

Result<void, Diagnostic> LiveSwap::turn_off() {
  for (; used_ > 0; --used_) QUIRE_TRY(live::swap_off(devices_[used_ - 1].number));
  return {};
}

}  // namespace quire::litmus
