// live/doctor/facts.h - what the traps of `quire doctor` look at, read once
// from a root directory: the host's, or a copy of its /proc and /sys.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quire::live::doctor {

struct SwapArea {
  std::string path;
  std::string type;  // "partition", "file"
};

struct ProcessFacts {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;
  std::uint64_t threads = 0;
  std::optional<bool> thp_enabled;  // none: kernel threads, and kernels before 5.0
};

// A memory control group, version 2.
struct GroupFacts {
  std::string path;  // "/system.slice/db.service"
  std::string memory_max;
  std::string swap_max;
};

struct HostFacts {
  std::map<std::string, std::string> thp;  // chosen word by path below transparent_hugepage
  std::string kernel_release;
  std::vector<SwapArea> swaps;
  std::vector<ProcessFacts> processes;          // ordered by pid
  std::vector<std::string> reporting_balloons;  // virtio devices that report free pages to the host
  std::vector<std::string> huge_tmpfs;          // mount points with a huge= that is not never
  std::vector<GroupFacts> groups;               // those that limit swap, ordered by path
  std::vector<std::string> notes;               // what could not be read, or is not as it usually is

  // Empty where the kernel has no such file.
  [[nodiscard]] std::string word(std::string_view path) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view path) const;

  struct Size {
    std::string name;  // "64kB"
    std::string word;  // "inherit"
    std::string rule;  // what it comes to: `inherit` followed, "never"
  };
  // The sizes of anonymous folios, smallest first. A kernel without per-size files
  // has one, 2048kB, which inherits.
  [[nodiscard]] std::vector<Size> sizes() const;
  // What the rule of 2 MiB comes to; empty without transparent huge pages.
  [[nodiscard]] std::string rule_of_2m() const;
  // Some size is on, for everybody or for who asks.
  [[nodiscard]] bool any_size_on() const;
};

// Never fails: what cannot be read is absent, and a note says so.
[[nodiscard]] HostFacts gather(const std::filesystem::path& root = "/");

}  // namespace quire::live::doctor
