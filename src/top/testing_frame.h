// top/testing_frame.h - for tests: a host made up, with every counter that Linux
// 6.18 has, and three processes.
#pragma once

#include <string>

#include "top/frame.h"

namespace quire::top::testing {

inline constexpr Time kSecond = std::chrono::seconds(1);

inline live::Counts counters_of_size(std::int64_t scale) {
  return {{"anon_fault_alloc", 100 * scale},
          {"anon_fault_fallback", 0},
          {"anon_fault_fallback_charge", 0},
          {"nr_anon", 40},
          {"nr_anon_partially_mapped", 2},
          {"shmem_alloc", 0},
          {"shmem_fallback", 0},
          {"shmem_fallback_charge", 0},
          {"split", 0},
          {"split_deferred", 0},
          {"split_failed", 0},
          {"swpin", 0},
          {"swpin_fallback", 0},
          {"swpin_fallback_charge", 0},
          {"swpout", 0},
          {"swpout_fallback", 0},
          {"zswpout", 0}};
}

inline live::ThpCounts counters(std::int64_t scale) {
  live::ThpCounts counts;
  for (unsigned n = 2; n <= kPmdOrder; ++n) counts.sizes[Order(n)] = counters_of_size(scale);
  counts.khugepaged = {{"full_scans", scale}, {"pages_collapsed", 10 * scale}};
  for (const char* name :
       {"compact_stall", "compact_fail", "compact_success", "thp_split_pmd", "thp_split_page",
        "thp_deferred_split_page", "thp_underused_split_page", "thp_collapse_alloc",
        "thp_collapse_alloc_failed", "thp_zero_page_alloc", "thp_swpout_fallback", "pswpin", "pswpout"})
    counts.events[name] = 0;
  return counts;
}

inline Process process(pid_t pid, pid_t parent, const std::string& name, ByteCount rss) {
  Process made;
  made.stat.pid = pid;
  made.stat.parent = parent;
  made.stat.name = name;
  made.stat.state = 'S';
  made.stat.threads = 1;
  made.stat.resident = PageCount::covering(rss);
  made.user = "www";
  made.no_folios = "not read yet";
  return made;
}

// Half of its memory in folios of a PMD, an eighth of it in parts of them.
inline FolioSample sample(ByteCount rss, PageCount stranded) {
  FolioSample made;
  const std::uint64_t pages = PageCount::covering(rss).raw();
  made.counts.anon.single = PageCount(pages / 2);
  made.counts.anon.pmd = PageCount(pages / 2 - pages / 8);
  made.counts.anon.partial[kPmdOrder] = PageCount(pages / 8);
  made.stranded = stranded;
  made.at = 97 * kSecond;
  made.cost = std::chrono::milliseconds(12);
  return made;
}

// Read at second 100, two seconds after the reading before, 40 after the first.
inline Frame frame() {
  Frame made;
  made.hostname = "db1";
  made.host = {"6.18.0", "x86_64", 4, 16_GiB};
  made.interval = 2 * kSecond;
  made.first = {60 * kSecond, counters(1)};
  made.before = {98 * kSecond, counters(4)};
  made.now = {100 * kSecond, counters(5)};
  made.settings = {{"enabled", "madvise"},
                   {"defrag", "madvise"},
                   {"shrink_underused", "1"},
                   {"hugepages-64kB/enabled", "always"},
                   {"hugepages-128kB/enabled", "never"},
                   {"hugepages-2048kB/enabled", "inherit"},
                   {"khugepaged/max_ptes_none", "511"},
                   {"khugepaged/scan_sleep_millisecs", "10000"}};
  made.sizes = OrderSet::of(Order(4)) | OrderSet::of(Order(5)) | OrderSet::of(kOrderPmd);
  made.memory = {{"MemTotal", 16_GiB}, {"MemFree", 4_GiB}, {"AnonPages", 1_GiB}, {"Cached", 8_GiB}};
  made.free = {{kOrder0, 1_GiB}, {kOrderPmd, 3_GiB}};
  made.cost = {
      .cpu = 3 * kSecond, .cpu_share = 0.012, .budget = 0.05, .read = 2, .oldest = 3 * kSecond, .waiting = 1};
  made.processes = {process(1, 0, "init", 10_MiB), process(20, 1, "redis-server", 800_MiB),
                    process(300, 20, "worker", 40_MiB)};
  made.processes[0].user = "root";
  made.processes[1].folios = sample(800_MiB, PageCount::covering(16_MiB));
  made.processes[2].folios = sample(40_MiB, PageCount());
  made.processes[1].cpu_share = 0.5;
  made.processes[1].minor_per_second = 1234;
  made.processes[1].major_per_second = 0;
  return made;
}

}  // namespace quire::top::testing
