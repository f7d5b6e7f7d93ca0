// live/quiet_check.h - whether other processes moved the global counters while
// a command was measured.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "live/host.h"
#include "live/tree_counter.h"
#include "quire/result.h"

namespace quire::live {

// hugepages-<size>/stats/anon_fault_alloc by order; none where a size has none.
using FaultAllocs = std::array<std::optional<std::uint64_t>, kMaxOrder + 1>;

[[nodiscard]] FaultAllocs read_fault_allocs(const std::filesystem::path& root = kThpRoot);

// What the host's counters moved by, beyond what the tree accounts for.
struct QuietResult {
  std::array<std::int64_t, kMaxOrder + 1> foreign{};  // folios of others, by order
  // No other process made a folio. Negative foreign counts are not quiet
  // either: they say that our own count is wrong.
  [[nodiscard]] bool quiet() const;
};

// Takes the counters when made; compare() takes them again.
class QuietCheck {
 public:
  explicit QuietCheck(std::filesystem::path root = kThpRoot);
  [[nodiscard]] QuietResult compare(const TreeCounts& tree) const;

 private:
  std::filesystem::path root_;
  FaultAllocs before_;
};

}  // namespace quire::live
