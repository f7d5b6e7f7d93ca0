// exports/perfetto_trace.h - writes a Perfetto trace: tracks, slices, instants
// and counters as TrackEvent packets of one sequence.
//
// The field numbers are Perfetto's (protos/perfetto/trace/); those in use are
// written down in perfetto_trace.proto, which the test decodes with.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "exports/output.h"

namespace quire::exports {

// A fact about a slice or an instant.
struct Annotation {
  enum class Type : std::uint8_t { kNumber, kAddress } type = Type::kNumber;
  std::string_view name;
  std::uint64_t value = 0;
};
using Annotations = std::initializer_list<Annotation>;

// Writes packet after packet.
//
// Refers to   : the output
// Invariants  : I-PERFETTO-1 the first packet clears the sequence's state and names its clock,
//               all others need that state
//               I-PERFETTO-2 a name is interned in the packet that uses it first
//               I-PERFETTO-3 a track is described before anything is on it: the caller's duty
class PerfettoTrace {
 public:
  using Track = std::uint64_t;  // never 0
  enum class CounterUnit : std::uint8_t { kCount = 2, kBytes = 3 };

  explicit PerfettoTrace(Output& out);

  void describe_process(Track track, std::int32_t pid, std::string_view name);
  void describe_thread(Track track, Track process, std::int32_t pid, std::int32_t tid, std::string_view name);
  void describe_counter(Track track, std::string_view name, CounterUnit unit);

  void begin(Track track, std::uint64_t time_ns, std::string_view category, std::string_view name,
             Annotations annotations = {});
  void end(Track track, std::uint64_t time_ns);
  void instant(Track track, std::uint64_t time_ns, std::string_view category, std::string_view name,
               Annotations annotations = {});
  void count(Track track, std::uint64_t time_ns, std::uint64_t value);

 private:
  // Names that have a number in this sequence.
  class Interned {
   public:
    // The number, and whether it is new.
    std::pair<std::uint64_t, bool> number(std::string_view name);

   private:
    std::map<std::string, std::uint64_t, std::less<>> numbers_;
  };
  enum class EventType : std::uint8_t { kBegin = 1, kEnd = 2, kInstant = 3, kCounter = 4 };

  void put_packet(const std::string& packet);
  void put_event(EventType type, Track track, std::uint64_t time_ns, std::string_view category,
                 std::string_view name, Annotations annotations);

  Output& out_;
  Interned categories_;
  Interned names_;
  Interned annotations_;
};

}  // namespace quire::exports
