// vm/placement.h - where a new mapping goes when the program does not say.
//
// Mirrors: arch/x86/mm/mmap.c (mmap_base), arch/x86/kernel/sys_x86_64.c
// (arch_get_unmapped_area_topdown), mm/mmap.c (__get_unmapped_area,
// vm_unmapped_area), mm/huge_memory.c (thp_get_unmapped_area), mm/shmem.c
// (shmem_get_unmapped_area), Linux 6.18, 64-bit programs.
#pragma once

#include <cstdint>
#include <optional>

#include "quire/result.h"
#include "quire/types.h"
#include "vm/mapping_tree.h"

namespace quire::vm {

// How an address space is laid out; decided at exec.
struct MmapLayout {
  enum class Direction : std::uint8_t { kTopDown, kBottomUp };
  Direction direction = Direction::kTopDown;
  VirtAddr mmap_base;         // top-down: mappings are placed below it
  VirtAddr mmap_legacy_base;  // bottom-up: mappings are placed from it upwards
};

// The layout of a program that runs without address randomisation. Below the
// stack room for its limit is left free, but never less than 128 MiB nor more
// than 5/6 of the address space; that holds for an unlimited stack (~0) too.
// kBottomUp is for the personality ADDR_COMPAT_LAYOUT.
[[nodiscard]] MmapLayout compute_layout(ByteCount stack_limit,
                                        MmapLayout::Direction direction = MmapLayout::Direction::kTopDown);

// What a file or kind of memory wants of its address.
enum class PlacementRule : std::uint8_t {
  kPlain,      // page alignment: devices, file systems without huge pages
  kAnonymous,  // MAP_PRIVATE | MAP_ANONYMOUS
  kThpFile,    // ext4, xfs, btrfs ...: thp_get_unmapped_area
  kShmem,      // shared anonymous memory, memfd, tmpfs
};

struct PlacementRequest {
  VirtAddr hint;  // 0: none
  ByteCount length;
  std::uint64_t pgoff = 0;
  PlacementRule rule = PlacementRule::kAnonymous;
  enum class Fixed : std::uint8_t { kNo, kYes };
  Fixed fixed = Fixed::kNo;  // MAP_FIXED (and MAP_FIXED_NOREPLACE, whose overlap test is the caller's)
  // kShmem: the alignment huge pages of it want, nothing when shmem's huge
  // pages are off (PMD order for huge=always mounts, for shared anonymous
  // memory the highest size that is not "never").
  std::optional<Order> shmem_order = std::nullopt;
  // MAP_32BIT: only the second GiB of the address space, bottom-up.
  enum class Window : std::uint8_t { kAll, kSecondGiB };
  Window window = Window::kAll;
};

// The page-aligned address for the mapping. kNoMem when there is no room,
// kInval for no length or a fixed address inside a page, kPerm for a fixed
// address below kMmapMinAddr. The length is rounded up to pages.
// O(number of mappings above the place found).
[[nodiscard]] Result<VirtAddr, Errno> get_unmapped_area(const MappingTree& tree, const MmapLayout& layout,
                                                        const PlacementRequest& request);

}  // namespace quire::vm
