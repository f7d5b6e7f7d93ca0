// lab/sweep_store.h - results of sweeps in SQLite. docs/reference/sweep.md has
// the schema.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/replay.h"
#include "quire/result.h"

struct sqlite3;

namespace quire::lab {

// What a result is of. Equal keys have equal results.
struct SweepKey {
  std::string recording;     // content hash
  std::string policy;        // canonical
  std::string machine;       // as the space has it
  std::string profile;       // its name
  std::string profile_hash;  // of what it says
};

// A row of the ready-made Pareto query.
struct ParetoRow {
  std::string command;
  std::string policy;
  std::string machine;
  std::string profile;
  double kernel_ns = 0;
  ByteCount peak_resident;
};

// What a machine did that could be short of memory: names and meanings as of lab::Pressure and
// the counters.
struct SweepPressure {
  std::uint64_t major_faults = 0;
  std::uint64_t swapped_out = 0, swapped_in = 0, refaulted = 0;   // pages
  std::uint64_t scanned_by_kswapd = 0, scanned_directly = 0;      // pages
  std::uint64_t reclaimed_by_kswapd = 0, reclaimed_directly = 0;  // pages
  std::uint64_t direct_reclaims =
      0;  // faults and calls that had to wait for reclaim; how long no profile says
  std::uint64_t oom_kills = 0;
  ByteCount peak_swap, peak_zram;
};
[[nodiscard]] SweepPressure pressure_of(const ReplayResult& result);

// One result, as it is kept.
struct SweepRow {
  SweepKey key;
  std::string command;
  std::string words;  // as the space had the policy
  ByteCount ram;      // of the machine
  double fragmentation = 0;
  std::uint64_t minor_faults = 0;
  double kernel_ns = 0;
  double fault_ns_p99 = 0;
  ByteCount peak_resident, wasted_at_peak, peak_tables;
  std::uint64_t copied_pages = 0, folio_splits = 0, pmd_splits = 0;
  std::uint64_t large_folios = 0;     // that faults got
  std::uint64_t large_fallbacks = 0;  // that they asked for in vain
  std::optional<SweepPressure> pressure;
  std::string state_hash;
};

// What could not be run.
struct SkippedRow {
  SweepKey key;
  std::string command;
  std::string words;
  std::string reason;
};

// SweepStore keeps every result that was put, each on disk before put returns:
// whoever is killed loses what was under way and nothing else.
//
// Owns        : the connection
// Locks       : SQLite's, between processes; of one store only one thread may make use
class SweepStore {
 public:
  // Makes the file when there is none. kDamagedInput: it is no results of ours.
  [[nodiscard]] static Result<SweepStore, Diagnostic> open(const std::string& file);

  enum class Kept : std::uint8_t { kNothing, kResult, kReason };
  [[nodiscard]] Result<Kept, Diagnostic> kept(const SweepKey& key);
  [[nodiscard]] Result<void, Diagnostic> put_recording(const std::string& hash, const std::string& path,
                                                       const std::string& command);
  // A key that is there already stays as it is.
  [[nodiscard]] Result<void, Diagnostic> put(const SweepKey& key, const std::string& words,
                                             const Machine& machine, const ReplayResult& result);
  // The same for what cannot be run, and why.
  [[nodiscard]] Result<void, Diagnostic> skip(const SweepKey& key, const std::string& words,
                                              const std::string& reason);
  [[nodiscard]] Result<std::uint64_t, Diagnostic> count();
  // Of each recording and machine, what no other policy beats in both time and memory; of those under
  // which nobody was killed.
  [[nodiscard]] Result<std::vector<ParetoRow>, Diagnostic> pareto();
  // All, by recording, machine and policy.
  [[nodiscard]] Result<std::vector<SweepRow>, Diagnostic> results();
  [[nodiscard]] Result<std::vector<SkippedRow>, Diagnostic> skipped();

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  SweepStore(std::string file, std::unique_ptr<sqlite3, Close> db)
      : file_(std::move(file)), db_(std::move(db)) {}
  [[nodiscard]] std::unexpected<Diagnostic> broken() const;
  [[nodiscard]] Result<void, Diagnostic> run(const char* sql);

  std::string file_;
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace quire::lab
