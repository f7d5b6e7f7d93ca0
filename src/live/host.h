// live/host.h - what this machine is, and what of the laboratory it allows.
//
// Nothing is assumed from a version number: each capability is tried, and one
// that is missing says why.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "quire/types.h"

namespace quire::live {

// Something the host may or may not allow.
struct Capability {
  bool available = false;
  std::string reason;  // why not; empty when available
};

// The raw text of the transparent-huge-page files, by path relative to their
// root ("hugepages-64kB/enabled" -> "always inherit madvise [never]"). Ordered,
// so that two snapshots compare and print the same everywhere.
using ThpState = std::map<std::string, std::string>;

// What an answer was made on.
struct HostInfo {
  std::string kernel_release;
  std::string machine;  // "x86_64"
  unsigned cpus = 0;    // online
  ByteCount ram;
};

inline constexpr const char* kThpRoot = "/sys/kernel/mm/transparent_hugepage";

// Every settable file under `root`. Statistics and read-only figures are left
// out. Empty when the kernel was built without transparent huge pages.
[[nodiscard]] ThpState read_thp_state(const std::filesystem::path& root = kThpRoot);

// The chosen word of a file like "always [madvise] never"; the trimmed text of
// any other.
[[nodiscard]] std::string chosen_word(const std::string& raw);

// The orders that have a hugepages-<size>/enabled file under `root`.
[[nodiscard]] OrderSet anon_orders_of(const std::filesystem::path& root = kThpRoot);

[[nodiscard]] HostInfo describe_host();

// The two that run_counted needs: a tracing program can be loaded, and kernel
// type information names the events it attaches to.
[[nodiscard]] Capability probe_bpf();
[[nodiscard]] Capability probe_tracepoints();
// What a layout needs: pagemap with frame numbers, and kpageflags.
[[nodiscard]] Capability probe_page_frames();

}  // namespace quire::live
