// record/perf_pipeline.h - from rings of several processors to records in one
// order: what the two tiers on perf events share.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "record/perf_assemble.h"
#include "record/perf_decode.h"
#include "record/perf_merge.h"
#include "record/perf_ring.h"
#include "record/proc_facts.h"
#include "record/source.h"

namespace quire::record {

// Now, by the clock of all records.
[[nodiscard]] std::uint64_t monotonic_now_ns();

// The event that tells of mappings, names, forks and ends, and whose ring the
// others share.
[[nodiscard]] perf_event_attr task_event_attr();

class PerfPipeline {
 public:
  explicit PerfPipeline(PerfDecoder decoder) : decoder_(std::move(decoder)) {}

  // The ring of the next processor, made for `task_event`.
  [[nodiscard]] Result<int, int> add_ring(live::UniqueFd task_event, ByteCount size);
  // An event that writes to the ring of descriptor `ring`.
  [[nodiscard]] Result<void, int> add_event(live::UniqueFd event, int ring);

  // The child is there and waits; what it has faulted so far is not the
  // program's.
  void begin(pid_t child);

  // Something seen by other means than the rings, in its place by its time.
  void add(PerfEvent event) { merge_.add(std::move(event)); }

  void drain(const RecordSink& sink);
  void drain_all(const RecordSink& sink);

  [[nodiscard]] std::uint64_t lost() const { return decoder_.lost(); }
  [[nodiscard]] std::uint64_t alive() const { return assembler_ ? assembler_->alive() : 1; }

 private:
  void read_rings();
  void give_until(std::uint64_t horizon_ns, const RecordSink& sink);
  void tell_what_came_before(const RecordSink& sink);

  PerfDecoder decoder_;
  PerfMerge merge_;
  std::vector<live::UniqueFd> events_;
  std::vector<PerfRing> rings_;
  std::optional<PerfAssembler> assembler_;
  std::optional<ProcFaults> before_;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t last_read_ns_ = 0;
};

}  // namespace quire::record
