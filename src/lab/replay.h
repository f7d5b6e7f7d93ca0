// lab/replay.h - what a recorded program would have done under a policy.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cost/bill.h"
#include "lab/machine.h"
#include "lab/own_advice.h"
#include "lab/timeline.h"
#include "policy/settings.h"
#include "quire/result.h"
#include "quire/types.h"
#include "stats/counters.h"
#include "trace/header.h"
#include "trace/reader.h"

namespace quire::lab {

// Whether khugepaged runs while a recording is replayed: in the recording's time, as the
// settings say. What it looks at costs nothing here (no profile has a time for it), what it
// collapses does.
enum class Khugepaged : std::uint8_t { kAsleep, kAwake };

struct ReplayOptions {
  policy::Settings settings;
  ByteCount ram{64ULL << 30};                              // of the simulated machine
  std::shared_ptr<const cost::Profile> profile = nullptr;  // that prices it; null: the reference machine's
  OwnAdvice own{};                                         // what the programs say besides
  Khugepaged khugepaged = Khugepaged::kAsleep;
  unsigned timeline_samples = 0;     // 2 or more: keep a timeline
  std::optional<Machine> machine{};  // instead of `ram`: one that may be short of it
};

// The machine these options speak of.
[[nodiscard]] Machine machine_of(const ReplayOptions& options);

// A recorded process that was ended because no memory was left: one line of the kernel's log.
struct Killed {
  trace::MmId victim = 0;  // its address space, as in the recording
  trace::MmId asked_by = 0;
  bool at_limit = false;  // the group had nothing left; else the machine
  Order order;            // of what was asked for
  std::uint64_t points = 0;
  int oom_score_adj = 0;
  PageCount anon, file, swap, tables;  // what it held
};

// What a machine that was short of memory did about it; the counters say the rest.
struct Pressure {
  std::uint64_t major_faults = 0;
  std::uint64_t accesses = 0;  // pages that samples of the recording used again
  std::uint64_t oom_kills = 0;
  std::vector<Killed> killed;  // each of them, in order
  std::uint64_t left_out = 0;  // events of processes that had been killed
  PageCount swap_used;         // at the end
  PageCount peak_swap_used;
  ByteCount zram_stored;  // at the end, before compression
  ByteCount zram_compressed;
  ByteCount zram_memory;  // that its pool took
  ByteCount peak_zram_memory;
  ByteCount zswap_stored;  // at the end, before compression; of zswap
  ByteCount zswap_memory;
  ByteCount peak_zswap_memory;
  std::uint64_t zswap_limit_hits = 0;  // folios offered while its pool was at its limit
};

// What one replay came to. Counts are of the whole recorded process tree.
struct ReplayResult {
  std::uint64_t minor_faults = 0;  // faults the programs would have taken, and those of populating calls
  std::array<std::uint64_t, kMaxOrder + 1>
      folios{};                    // anonymous folios made by faults, by order; [0] not counted
  std::uint64_t pmd_maps = 0;      // 2 MiB entries made by faults
  std::uint64_t folio_splits = 0;  // folios split, of all sizes
  std::uint64_t pmd_splits = 0;
  std::uint64_t pages_copied = 0;  // by writes to shared pages, 4 KiB each
  std::uint64_t collapses = 0;     // blocks of 2 MiB made of what stood there
  std::uint64_t khugepaged_passes = 0;
  ByteCount peak_resident;       // most memory in folios at once, each counted once
  std::uint64_t peak_event = 0;  // when last: after so many events (lab/mapping_use.h)
  ByteCount wasted_at_peak;      // of it in pages never touched
  ByteCount final_resident;      // when the first program began to exit
  ByteCount wasted_at_end;
  ByteCount peak_rss;     // of the process that had most (shared pages count in each)
  ByteCount peak_tables;  // page tables
  ByteCount final_tables;
  cost::Bill bill;           // what all of it would have taken
  stats::Counters counters;  // at the end, under the kernel's own names

  std::uint64_t events = 0;
  std::uint64_t touches = 0;
  std::uint64_t suppressed = 0;  // recorded faults that found their page mapped already
  // Of minor_faults: those that met another thread's fault for the same folio
  // (fault_races.h). Modelled from times, the rest is counted.
  std::uint64_t lost_races = 0;
  // Recorded faults the program had no right to: it got a signal, the kernel
  // counted none.
  std::uint64_t refused = 0;
  std::uint64_t populate_faults = 0;  // modelled: exec's argument pages, MAP_POPULATE, mlock ...
  std::uint64_t elapsed_ns = 0;
  std::uint64_t state_hash = 0;  // equal for equal recording, policy and machine
  // What the recording holds that this replay does not model, and what did
  // not fit: one sentence each, with how often.
  std::vector<std::string> notes;
  std::optional<Pressure> pressure;  // when the machine could be short of memory
  std::optional<Timeline> timeline;  // when it was asked for
};

// Replays the whole recording (from its beginning) under one policy.
// kDamagedInput from the reader; kFailure when the machine is too small.
[[nodiscard]] Result<ReplayResult, Diagnostic> replay(trace::Reader& reader, const ReplayOptions& options);

// What a recording is held against: no folio is larger than 4 KiB.
[[nodiscard]] policy::Settings small_pages_only();

// The completeness gate of a finished recording: nothing lost, and a replay
// with 4 KiB pages only takes exactly the faults the kernel counted.
[[nodiscard]] Result<trace::Gate, Diagnostic> compute_gate(trace::Reader& reader);

// One line that says whether the recording can be trusted; empty when it can.
[[nodiscard]] std::string gate_warning(const trace::Reader& reader);

}  // namespace quire::lab
