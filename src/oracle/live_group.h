// oracle/live_group.h - a group of processes with so much memory and no more.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <system_error>

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

  // Another limit. EBUSY of cgroup v1: less cannot be had.
  [[nodiscard]] std::errc set_limit(ByteCount limit) const;
  struct Events {
    std::uint64_t limited = 0;    // charges that met the limit
    std::uint64_t oom_kills = 0;  // programs that were ended for it
  };
  [[nodiscard]] Result<Events, Diagnostic> events() const;
  // What the process gets from now on counts, and its children.
  [[nodiscard]] Result<void, Diagnostic> add(pid_t pid) const;

 private:
  // The files of this version of cgroups.
  struct Files;
  LiveGroup(std::filesystem::path folder, const Files& files) : folder_(std::move(folder)), files_(files) {}
  std::filesystem::path folder_;
  const Files& files_;
};

}  // namespace quire::litmus
