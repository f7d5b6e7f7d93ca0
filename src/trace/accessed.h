// trace/accessed.h - a sample of accessed bits: which pages of an address space
// were used, as runs inside a kAccessed event.
//
// The text of the event holds, for each run, two varints: the pages between the
// run before (first: args[2]) and this one, and (pages - 1) << 1, plus 1 when
// the pages were written to. A sample that does not fit into one event goes on
// in the next one with the same args[1].
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/event.h"
#include "trace/varint.h"

namespace quire::trace {

// The largest page number there is with 4 KiB pages and 64 bits, plus one.
inline constexpr std::uint64_t kPagesEnd = 1ULL << 52;

enum class Written : std::uint8_t { kNo, kYes };

struct PageRun {
  std::uint64_t first = 0;  // page number
  std::uint64_t pages = 0;
  Written written = Written::kNo;

  [[nodiscard]] std::uint64_t end() const { return first + pages; }
  bool operator==(const PageRun&) const = default;
};

// Goes through the runs of a kAccessed event, which must outlive it.
class RunCursor {
 public:
  explicit RunCursor(const Event& event);
  // False at the end, or when what follows is no run.
  [[nodiscard]] bool next(PageRun& run);
  // Everything was runs, and there was at least one.
  [[nodiscard]] bool sound() const { return any_ && !wrong_ && !cursor_.wrong(); }

 private:
  ColumnCursor cursor_;
  std::uint64_t at_;
  bool any_ = false;
  bool wrong_ = false;
};

// Whether the runs of a kAccessed event can be gone through to the end.
[[nodiscard]] bool sound_runs(const Event& event);

// When a sample was taken, and what its bits tell of.
struct SampleHead {
  TaskId task = 0;
  MmId mm = 0;
  std::uint64_t time_us = 0;
  std::uint64_t window_us = 0;  // how long ago the bits had been cleared
  std::uint64_t sample = 0;     // the same for all address spaces of one walk
};

// The events that hold these runs, which rise and do not meet. None for none.
[[nodiscard]] std::vector<Event> accessed_events(const SampleHead& head, std::span<const PageRun> runs);

}  // namespace quire::trace
