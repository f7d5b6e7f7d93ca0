// top/frame.h - all that one screen, one line of JSON or one text of metrics is
// made of. Plain data: what fills it is Collector, what shows it reads it only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "live/folio_counts.h"
#include "live/host.h"
#include "live/memory_use.h"
#include "live/process_stat.h"
#include "live/thp_counters.h"
#include "quire/types.h"

namespace quire::top {

using Time = std::chrono::nanoseconds;  // of the steady clock, or between two readings

// The counters of the host at one moment.
struct Reading {
  Time at{};
  live::ThpCounts counts;
};

// What may be seen of processes.
enum class Tier : std::uint8_t {
  kFrames,  // the folios of all: CAP_SYS_ADMIN and CAP_SYS_PTRACE
  kSmaps,   // what is mapped by PMD, of the processes one may look at
};

// The folios of a process, as they were a while ago.
struct FolioSample {
  live::FolioCounts counts;           // of kSmaps: anon.pmd, and all other anonymous memory as anon.single
  std::optional<PageCount> stranded;  // see live::FolioWalk; not of kSmaps
  Time at{};                          // when it was finished
  Time cost{};                        // CPU time that it took
};

struct Process {
  live::ProcessStat stat;
  uid_t uid = 0;
  std::string user;
  // Since the reading before; none for a process that is new.
  std::optional<double> minor_per_second, major_per_second, cpu_share;
  std::optional<FolioSample> folios;
  std::string no_folios;  // why there are none: "not read yet"
  [[nodiscard]] ByteCount rss() const { return stat.resident.bytes(); }
};

// What looking takes.
struct Cost {
  Time cpu{};                       // since this program began
  std::optional<double> cpu_share;  // of one cpu since the reading before
  double budget = 0;                // of one cpu, for folios
  std::size_t read = 0;             // processes whose folios were finished since the reading before
  Time oldest{};                    // age of the oldest sample shown
  std::size_t waiting = 0;          // processes without one, that may have one
};

struct Frame {
  std::string hostname;
  live::HostInfo host;
  std::chrono::system_clock::time_point wall;
  Time interval{};
  Reading now, before, first;  // all equal in the first frame
  live::ThpState settings;     // chosen words
  OrderSet sizes;              // of anonymous folios that this kernel can be told about
  live::MemInfo memory;
  live::FreeBlocks free;
  Tier tier = Tier::kFrames;
  std::string lost;  // what this tier cannot see, and what would help; empty with kFrames
  Cost cost;
  std::vector<Process> processes;  // ordered by pid; not those of the kernel
  std::size_t refused = 0;         // of them those that may not be looked at
};

// How a counter is shown.
enum class Span : std::uint8_t { kPerSecond, kSinceStart, kSinceBoot };

// Which counters: those of a size, of khugepaged, or events.
[[nodiscard]] const live::Counts& of_size(const live::ThpCounts& counts, Order size);

// The number for that span. None when the kernel does not have the counter, or a
// rate has no time behind it.
[[nodiscard]] std::optional<double> size_counter(const Frame& frame, Order size, std::string_view name,
                                                 Span span);
[[nodiscard]] std::optional<double> khugepaged_counter(const Frame& frame, std::string_view name, Span span);
[[nodiscard]] std::optional<double> event_counter(const Frame& frame, std::string_view name, Span span);

// "nr_anon" and the like: folios that there are, not events that have happened.
[[nodiscard]] bool counts_folios(std::string_view counter);

// Bytes in folios of a size by a figure that counts folios: "nr_anon".
[[nodiscard]] ByteCount bytes_in(const Frame& frame, Order size, std::string_view figure);
// Anonymous memory of the host by folio size; what large folios do not have is of
// order 0.
[[nodiscard]] live::ByOrder anon_of_host(const Frame& frame);

// A setting's word, and what a size's word comes to ("inherit" followed).
[[nodiscard]] std::string setting(const Frame& frame, const std::string& file);
[[nodiscard]] std::string rule_of(const Frame& frame, Order size);

// Of anonymous memory: what lies in large folios, and what is of partial ones.
[[nodiscard]] ByteCount large_bytes(const live::FolioCounts& counts);
[[nodiscard]] ByteCount partial_bytes(const live::FolioCounts& counts);

}  // namespace quire::top
