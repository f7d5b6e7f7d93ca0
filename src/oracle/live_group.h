// oracle/live_group.h - a group of processes with so much memory and no more.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::litmus {

// LiveGroup is a memory cgroup below that of this process, v1 or v2, whichever
// of them this host keeps memory with. It goes when its programs have: what it
// was charged with is charged to nobody else.
class LiveGroup {
 public:
  // kPrivilege when this host does not let it be made.
  [[nodiscard]] static Result<std::unique_ptr<LiveGroup>, Diagnostic> make(ByteCount limit);
  ~LiveGroup();
  LiveGroup(const LiveGroup&) = delete;
  LiveGroup& operator=(const LiveGroup&) = delete;

  // What the process gets from now on counts, and its children.
  [[nodiscard]] Result<void, Diagnostic> add(pid_t pid) const;

 private:
  explicit LiveGroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace quire::litmus
