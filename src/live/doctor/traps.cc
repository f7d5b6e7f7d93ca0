#include "live/doctor/traps.h"

#include <array>

namespace quire::live::doctor {
namespace {

constexpr std::array kTraps{
    Trap{"sizes-on-under-never", "A size says always or madvise while the global file says never",
         "enabled, hugepages-*/enabled", &sizes_on_under_never},
    Trap{"inherit-under-never", "A size other than 2 MiB says inherit while the global file says never",
         "enabled, hugepages-*/enabled", &inherit_under_never},
    Trap{"defrag-always", "defrag says always while some size is on", "defrag, enabled, hugepages-*/enabled",
         &defrag_always},
    Trap{"no-huge-zero-folio", "use_zero_page is 0 while 2 MiB is always", "use_zero_page, enabled",
         &no_huge_zero_folio},
    Trap{"only-beside-full", "anon_beside_full is 1 while a size below 2 MiB is on",
         "anon_beside_full, enabled, hugepages-*/enabled", &only_beside_full},
    Trap{"sparse-memory-grows", "2 MiB is always, and khugepaged fills blocks that hold a single page",
         "enabled, hugepages-2048kB/enabled, khugepaged/max_ptes_none", &sparse_memory_grows},
    Trap{"underused-never-split", "2 MiB is always, and mostly empty folios are never split again",
         "shrink_underused, khugepaged/max_ptes_none", &underused_never_split},
    Trap{"khugepaged-restless", "khugepaged sleeps less than 100 ms between two scans",
         "khugepaged/scan_sleep_millisecs", &khugepaged_restless},
    Trap{"khugepaged-asleep", "khugepaged sleeps more than an hour between two scans",
         "khugepaged/scan_sleep_millisecs", &khugepaged_asleep},
    Trap{"shmem-everywhere", "shared memory gets large folios without asking",
         "shmem_enabled, hugepages-*/shmem_enabled", &shmem_everywhere},
    Trap{"shmem-denied", "shmem_enabled says deny while a tmpfs is mounted with huge=",
         "shmem_enabled, /proc/mounts", &shmem_denied},
    Trap{"thp-disabled-by-prctl", "processes have large folios switched off, mostly by a parent of theirs",
         "THP_enabled in /proc/PID/status", &thp_disabled_by_prctl},
    Trap{"thread-stacks", "2 MiB is always on a kernel that gives stacks of threads 2 MiB folios",
         "/proc/sys/kernel/osrelease, enabled, Threads in /proc/PID/status", &thread_stacks},
    Trap{"swap-file-splits", "swap is a file while some size is on", "/proc/swaps", &swap_file_splits},
    Trap{"free-page-reporting", "a virtio balloon gives free memory back to the host",
         "/sys/bus/virtio/drivers/virtio_balloon/*/features", &free_page_reporting},
    Trap{"groups-without-swap", "a control group has a limit of memory and none of its memory may be swapped",
         "memory.max, memory.swap.max below /sys/fs/cgroup", &groups_without_swap},
};

}  // namespace

std::span<const Trap> traps() { return kTraps; }

}  // namespace quire::live::doctor
