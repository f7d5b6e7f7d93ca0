// live/doctor/traps.h - what is known to go wrong with large folios on a host.
//
// A trap is one function: facts in, finding out. It reads nothing itself.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "live/doctor/facts.h"

namespace quire::live::doctor {

struct Finding {
  std::string found;    // on this host
  std::string matters;  // what it costs, and why
  std::string advice;   // what to do about it
};

struct Trap {
  std::string_view name;
  std::string_view about;   // when it is one: a sentence for the reference
  std::string_view source;  // the files it looks at
  std::optional<Finding> (*look)(const HostFacts&);
};

// All of them, by group: settings, khugepaged, shared memory, processes, machine.
[[nodiscard]] std::span<const Trap> traps();

// settings.cc
[[nodiscard]] std::optional<Finding> sizes_on_under_never(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> inherit_under_never(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> defrag_always(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> no_huge_zero_folio(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> only_beside_full(const HostFacts& facts);
// khugepaged.cc
[[nodiscard]] std::optional<Finding> sparse_memory_grows(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> underused_never_split(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> khugepaged_restless(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> khugepaged_asleep(const HostFacts& facts);
// shmem.cc
[[nodiscard]] std::optional<Finding> shmem_everywhere(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> shmem_denied(const HostFacts& facts);
// processes.cc
[[nodiscard]] std::optional<Finding> thp_disabled_by_prctl(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> thread_stacks(const HostFacts& facts);
// machine.cc
[[nodiscard]] std::optional<Finding> swap_file_splits(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> free_page_reporting(const HostFacts& facts);
[[nodiscard]] std::optional<Finding> groups_without_swap(const HostFacts& facts);

}  // namespace quire::live::doctor
