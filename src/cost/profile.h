// cost/profile.h - what the work of a memory manager takes on one machine.
//
// Written by `quire calibrate`, kept as TOML; docs/reference/profile.md explains
// every member. Times are of processor time in the kernel, by one thread, with
// memory that the host has filled before.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::cost {

// Nanoseconds: the median of several rounds, and between what the median of any
// number of rounds lies with 95 % confidence.
struct Time {
  double median = 0;
  double low = 0;
  double high = 0;
  bool operator==(const Time&) const = default;
};

// Work that depends on the size of a folio. Of one folio each.
enum class SizedWork : std::uint8_t {
  kFault,  // a write to memory nothing is behind: allocating, zeroing, mapping it
  kFork,   // sharing it with a child
  kUnmap,  // unmapping it, and giving it back as its last user
  kSplit,  // into pages, by MADV_FREE of its half
};
inline constexpr std::size_t kSizedWorks = 4;

// Work that does not.
enum class Work : std::uint8_t {
  kZeroFault,   // a read that maps the zero page
  kFileFault,   // a read of cached pages of a file, with those around it
  kCopyFault,   // a write to a shared page: 4 KiB are copied
  kReuseFault,  // a write to a page that nobody shares any more
  kTable,       // one more page table
  kSplitPmd,    // an entry of 2 MiB becomes 512
  kCollapse,    // 512 pages become 2 MiB
  kSwapOut,     // a page to zram by lz4, of a folio of 64 KiB: unmapped, compressed, given back
  kSwapIn,      // and back by a fault, with its share of that
};
inline constexpr std::size_t kWorks = 9;

// Whether it may be missing in a profile, and is free then: a host without zram has no figure.
[[nodiscard]] constexpr bool may_be_missing(Work work) {
  return work == Work::kSwapOut || work == Work::kSwapIn;
}

// "fault", "zero_fault": as the profile spells it.
[[nodiscard]] std::string_view name_of(SizedWork work);
[[nodiscard]] std::string_view name_of(Work work);

// Order 1 is no size of anonymous memory: its times are zero.
struct Profile {
  std::string name;    // "microvm-2cpu"
  std::string cpu;     // as the machine calls it
  std::string kernel;  // uname -r
  std::string date;    // 2026-11-23
  unsigned rounds = 0;
  std::array<std::array<Time, kOrderPmd.raw() + 1>, kSizedWorks> sized{};
  std::array<Time, kWorks> plain{};

  [[nodiscard]] const Time& of(SizedWork work, Order order) const {
    return sized[static_cast<std::size_t>(work)][order.raw()];
  }
  [[nodiscard]] Time& of(SizedWork work, Order order) {
    return sized[static_cast<std::size_t>(work)][order.raw()];
  }
  [[nodiscard]] const Time& of(Work work) const { return plain[static_cast<std::size_t>(work)]; }
  // Whether swap has a price.
  [[nodiscard]] bool prices_swap() const { return of(Work::kSwapIn).median > 0; }
  [[nodiscard]] Time& of(Work work) { return plain[static_cast<std::size_t>(work)]; }

  bool operator==(const Profile&) const = default;
};

// The one that ships with Quire: the machine its figures were taken on.
[[nodiscard]] const Profile& reference_profile();

[[nodiscard]] std::string to_toml(const Profile& profile);
// kDamagedInput, with the line: no TOML, a member that is missing, unknown, or no time.
[[nodiscard]] Result<Profile, Diagnostic> parse_profile(std::string_view text, const std::string& where);
[[nodiscard]] Result<Profile, Diagnostic> read_profile(const std::string& file);

}  // namespace quire::cost
