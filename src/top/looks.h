// top/looks.h - the looks at running processes that a host allows.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "live/layout.h"
#include "top/sampler.h"

namespace quire::top {

// The best of them that works here, tried on this process itself.
class Looks {
 public:
  Looks();
  [[nodiscard]] Tier tier() const { return reader_ ? Tier::kFrames : Tier::kSmaps; }
  // What the tier cannot see, why, and what would help. Empty with kFrames.
  [[nodiscard]] const std::string& lost() const { return lost_; }

  // Not of a thread of the kernel. `this` must outlive it.
  [[nodiscard]] Result<std::unique_ptr<Look>, Diagnostic> begin(pid_t pid);
  // Folios may have changed since the last round.
  void forget();

 private:
  std::optional<live::LayoutReader> reader_;
  std::string lost_;
};

}  // namespace quire::top
