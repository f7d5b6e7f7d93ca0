// lab/timeline.h - a replay along its way: memory by folio size, and where the
// folios lay, at evenly spaced events.
//
// Listens and never steers: a replay with a timeline ends in the same state.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel/kernel.h"
#include "lab/folio_runs.h"
#include "lab/mapping_names.h"
#include "trace/event.h"

namespace quire::lab {

class Replayer;

struct TimelineSample {
  std::uint64_t event = 0;                      // so many were replayed
  std::uint64_t time_us = 0;                    // of the last of them, in the recorded run
  std::array<ByteCount, kPmdOrder + 1> anon{};  // in anonymous folios, by order
  ByteCount file;                               // in pages of files
  ByteCount never_touched;                      // of both
  ByteCount tables;
};

// A mapping as it was while its folios were looked at. One that grows is several.
struct SeenMapping {
  trace::MmId mm = 0;
  std::string process;  // as recorded, both
  std::string name;
  VirtRange range;
  bool operator==(const SeenMapping&) const = default;
};

// A run that was the same in several samples one after the other.
struct SeenRun {
  std::uint32_t first = 0;  // samples, both inclusive
  std::uint32_t last = 0;
  std::uint32_t mapping = 0;
  FolioRun run;
};

struct Timeline {
  // At most: processes and mappings looked at, those that hold most; runs kept.
  static constexpr std::size_t kProcesses = 4;
  static constexpr std::size_t kMappings = 48;
  static constexpr std::size_t kRuns = 256;

  std::uint64_t every = 1;  // events between two samples
  std::vector<TimelineSample> samples;
  std::vector<SeenMapping> mappings;
  std::vector<SeenRun> runs;  // in order of their first sample, mapping and address
};

// Samples the machine of a replay.
//
// Owns        : the samples, whose number and size are bounded
// Refers to   : the kernel and the replayer, while after() and finish() run
// Complexity  : a sample reads every entry and frame of the processes it looks at
class TimelineSampler {
 public:
  // `most` samples, at least 2. `expected` events, 0 when nobody knows: a recording that has more
  // gets wider steps.
  TimelineSampler(kernel::Kernel& kernel, unsigned most, std::uint64_t expected);

  // After each event.
  void after(const trace::Event& event, const Replayer& replayer);
  // After the last one.
  [[nodiscard]] Timeline finish();

 private:
  struct Part {  // one mapping in one sample
    SeenMapping mapping;
    std::vector<FolioRun> runs;
    PageCount resident;
  };
  struct Shot {
    TimelineSample sample;
    std::vector<Part> parts;
  };

  void take(const trace::Event& event, const Replayer& replayer);
  [[nodiscard]] TimelineSample sums(const trace::Event& event) const;
  [[nodiscard]] std::vector<Part> parts(const Replayer& replayer) const;
  void add_parts(trace::MmId id, vm::AddressSpace& mm, std::vector<Part>& parts) const;
  // Every second sample goes.
  void thin_out();

  kernel::Kernel& kernel_;
  const std::size_t most_;
  std::uint64_t every_;
  std::uint64_t events_ = 0;
  MappingNames names_;
  std::vector<Shot> shots_;
};

}  // namespace quire::lab
