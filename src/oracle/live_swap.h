// oracle/live_swap.h - the swap devices of an experiment on the running kernel.
#pragma once

#include <string>
#include <vector>

#include "litmus/experiment.h"
#include "live/settings_guard.h"
#include "quire/result.h"

namespace quire::litmus {

// LiveSwap gives each experiment devices that nothing was ever written to: what
// slots the kernel takes depends on what was taken before. The zram devices are
// kept from experiment to experiment, and belong to the guard, which removes
// them whatever happens.
class LiveSwap {
 public:
  // kPrivilege when the kernel has no such device; kFailure when somebody else's
  // swap is in use, and stays so for half a minute.
  [[nodiscard]] Result<void, Diagnostic> turn_on(live::SettingsGuard& guard,
                                                 const std::vector<SwapDevice>& wanted);
  // Until nobody else's swap is in use; kFailure as above. Memory that has to go
  // somewhere would go there.
  [[nodiscard]] Result<void, Diagnostic> wait_for_others() const;
  // The programs that used it must be gone.
  [[nodiscard]] Result<void, Diagnostic> turn_off();
  // The zram number of a device of this experiment.
  [[nodiscard]] unsigned number(unsigned device) const { return devices_[device].number; }

 private:
  struct Device {
    unsigned number;
    SwapDevice formatted;
  };
  [[nodiscard]] Result<void, Diagnostic> prepare(Device& device, const SwapDevice& wanted);

  std::vector<Device> devices_;
  std::size_t used_ = 0;  // the first ones: those of this experiment
};

}  // namespace quire::litmus
