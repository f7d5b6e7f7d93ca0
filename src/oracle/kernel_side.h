// oracle/kernel_side.h - experiments on the running kernel.
#pragma once

#include <memory>

#include "litmus/side.h"
#include "live/layout.h"
#include "live/settings_guard.h"
#include "oracle/kernel_counters.h"
#include "oracle/live_swap.h"

namespace quire::litmus {

// KernelHost holds the right to experiment on this machine: its settings, under
// a lock and a journal. Meanwhile this process gets no large folios of its own,
// which would be counted.
class KernelHost {
 public:
  // kPrivilege without root, and on a kernel that is not the modelled one. Waits
  // for half a minute while somebody else holds the settings.
  [[nodiscard]] static Result<KernelHost, Diagnostic> open();

  KernelHost(KernelHost&& other) noexcept;
  KernelHost& operator=(KernelHost&&) = delete;
  ~KernelHost();

  // Makes these the settings of the kernel, with khugepaged asleep.
  [[nodiscard]] Result<void, Diagnostic> apply(const policy::Settings& settings);
  // Fresh programs under the settings of the experiment. Refers to this host.
  [[nodiscard]] Result<std::unique_ptr<Side>, Diagnostic> side(const Experiment& experiment);
  // What shows pages and counters, kept open from experiment to experiment.
  [[nodiscard]] live::LayoutReader& layouts() { return layouts_; }
  [[nodiscard]] KernelCounters& counters() { return counters_; }
  // The swap devices of the experiment that runs.
  [[nodiscard]] LiveSwap& swap() { return swap_; }

 private:
  KernelHost(live::SettingsGuard guard, live::LayoutReader layouts);
  live::SettingsGuard guard_;
  live::LayoutReader layouts_;
  KernelCounters counters_;
  LiveSwap swap_;
  bool khugepaged_naps_ = false;
  bool ours_ = true;  // not moved away
};

}  // namespace quire::litmus
