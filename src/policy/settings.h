// policy/settings.h - the transparent-huge-page settings, as data.
//
// Mirrors: the files under /sys/kernel/mm/transparent_hugepage, Linux 6.18,
// with the boot defaults of the reference kernel. A policy *is* a value of
// this type plus a few decisions (policy/policy.h), to which it points; sysfs/
// shows it as a file tree, policy/parse.h reads it from the kernel's
// command-line syntax.
#pragma once

#include <array>
#include <cstdint>

#include "arch/native.h"
#include "quire/types.h"

namespace quire::policy {

// transparent_hugepage/enabled
enum class GlobalEnabled : std::uint8_t { always, madvise, never };
// hugepages-<size>kB/enabled
enum class SizeEnabled : std::uint8_t { always, inherit, madvise, never };
// transparent_hugepage/defrag
enum class Defrag : std::uint8_t { always, defer, defer_madvise, madvise, never };

struct KhugepagedSettings {
  bool defrag = true;
  std::uint32_t pages_to_scan = 8U << kPmdOrder;
  std::uint32_t scan_sleep_millisecs = 10000;
  std::uint32_t alloc_sleep_millisecs = 60000;
  std::uint32_t max_ptes_none = (1U << kPmdOrder) - 1;
  std::uint32_t max_ptes_swap = (1U << kPmdOrder) / 8;
  std::uint32_t max_ptes_shared = (1U << kPmdOrder) / 2;
  bool operator==(const KhugepagedSettings&) const = default;
};

// The size of the proposals and of the phones, whatever the page size. 0 where a page is as large.
inline constexpr Order k64K{16 - kPageShift};

// The knobs of the large-anonymous-folio proposals of 2023 (named/laf.h).
struct LafSettings {
  // What the architecture prefers (its hook arch_wants_pte_order): arm64 64 KiB, x86-64 has no wish.
  std::uint32_t arch_wants_pte_order = arch::Native::kContOrder;
  std::uint32_t unhinted_max_order = k64K.raw();  // for mappings that did not ask
  GlobalEnabled enable = GlobalEnabled::always;
  std::uint32_t max_order = k64K.raw();
  bool operator==(const LafSettings&) const = default;
};

struct Policy;
// What a Settings points to unless a policy was named.
extern const Policy kLinux618;

struct Settings {
  const Policy* policy = &kLinux618;  // never null
  GlobalEnabled enabled = GlobalEnabled::madvise;
  Defrag defrag = Defrag::madvise;
  bool use_zero_page = true;
  bool shrink_underused = true;
  bool anon_beside_full = false;  // Linux 6.18 as released has no such file
  // By order; only orders 2 to 9 have an `enabled` file for anonymous memory.
  std::array<SizeEnabled, kPmdOrder + 1> size = default_sizes();
  KhugepagedSettings khugepaged;
  // Only policies that have these files look at them.
  LafSettings laf;
  GlobalEnabled thp_cow = GlobalEnabled::never;

  [[nodiscard]] SizeEnabled& at(Order o) { return size[o.raw()]; }
  [[nodiscard]] SizeEnabled at(Order o) const { return size[o.raw()]; }
  bool operator==(const Settings&) const = default;

  // All sizes never, 2048kB inherit: what a kernel without thp_anon= boots with.
  [[nodiscard]] static constexpr std::array<SizeEnabled, kPmdOrder + 1> default_sizes() {
    std::array<SizeEnabled, kPmdOrder + 1> sizes{};
    sizes.fill(SizeEnabled::never);
    sizes[kPmdOrder] = SizeEnabled::inherit;
    return sizes;
  }
};

}  // namespace quire::policy
