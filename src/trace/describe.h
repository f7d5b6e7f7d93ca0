// trace/describe.h - what a recording holds, for `quire info`: one pass over
// the events, then text or JSON.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/result.h"
#include "trace/event.h"
#include "trace/header.h"
#include "trace/reader.h"

namespace quire::trace {

// "touch", "fault_around" ...; "mmap", "munmap" ...; "?" for a number without a name.
[[nodiscard]] std::string_view kind_name(Kind kind);
[[nodiscard]] std::string_view sys_name(Sys sys);

struct TouchCounts {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t executes = 0;
  std::uint64_t no_direction = 0;  // the tier could not tell
  std::uint64_t kernel = 0;        // of all these, made by the kernel for the task
  std::uint64_t uncounted = 0;     // of all these, not served and not counted by the kernel

  [[nodiscard]] std::uint64_t total() const { return reads + writes + executes + no_direction; }
};

struct TaskStats {
  TaskId id = 0;
  TaskId parent = 0;  // 0: none in the recording
  MmId mm = 0;        // the last one seen
  std::string comm;   // of its last exec, or its parent's
  TouchCounts touches;
  std::uint64_t syscalls = 0;
  std::vector<std::string> execs;  // comm after each exec; the first kMaxExecs
  std::vector<TaskId> children;    // in order of fork
  bool exited = false;
  std::uint64_t min_flt = 0;  // known once it exited
  std::uint64_t maj_flt = 0;
};

// One mapping as exec left it.
struct MappingStats {
  VirtRange range;
  std::uint64_t vm_flags = 0;  // VmaBits
  std::uint64_t page_offset = 0;
  std::string file;  // last part of the path; empty for anonymous memory
};

// Samples of accessed bits (kAccessed).
struct HotnessStats {
  std::uint64_t samples = 0;  // walks that found something
  std::uint64_t windows = 0;  // times the bits were cleared
  std::uint64_t runs = 0;
  std::uint64_t pages = 0;    // found accessed, over all samples
  std::uint64_t written = 0;  // of these
};

struct MmStats {
  MmId id = 0;
  std::string comm;
  TouchCounts touches;
  std::uint64_t accessed_pages = 0;  // over all samples
  std::uint64_t syscalls = 0;
  std::vector<MappingStats> mappings;  // while there are no more than kMaxMappings in all
  std::uint64_t mappings_seen = 0;
  bool gone = false;
};

struct TraceStats {
  // A hostile recording cannot make the statistics larger than this. What is
  // beyond is in the sums, but not listed.
  static constexpr std::size_t kMaxTasks = 1U << 18;  // also address spaces and files
  static constexpr std::size_t kMaxMappings = 1U << 19;
  static constexpr std::size_t kMaxExecs = 64;

  Header header;
  std::optional<Summary> summary;
  std::vector<std::string> notes;
  ByteCount file_size;
  std::uint64_t content_hash = 0;

  std::uint64_t events = 0;
  std::uint64_t last_time_us = 0;
  std::map<Kind, std::uint64_t> by_kind;
  std::map<Sys, std::uint64_t> by_syscall;  // kExit records, and the munmaps, which are only entered
  TouchCounts touches;
  HotnessStats hotness;
  std::vector<ContentsSample> contents;
  std::uint64_t min_flt = 0;
  std::uint64_t maj_flt = 0;
  std::map<TaskId, TaskStats> tasks;
  std::map<MmId, MmStats> mms;
  std::uint64_t unlisted_events = 0;  // of tasks or address spaces beyond kMaxTasks
  // Set when the recording is damaged: all above counts what stands before.
  std::optional<Diagnostic> damage;
};

// Reads all events from the start. Damage in the middle does not fail: it is
// noted in `damage`, so that what is whole can still be shown.
[[nodiscard]] Result<TraceStats, Diagnostic> describe(Reader& reader);

// For people, 100 columns; names from the recording are escaped.
[[nodiscard]] std::string to_text(const TraceStats& stats);
// For programs: the `results` object; snake_case, units as suffixes.
[[nodiscard]] nlohmann::ordered_json to_json(const TraceStats& stats);
// Its `header` and `summary` alone.
[[nodiscard]] nlohmann::ordered_json to_json(const Header& header);
[[nodiscard]] nlohmann::ordered_json to_json(const std::optional<Summary>& summary);

// A name from a recording as it may reach a terminal: control characters,
// bytes that are not UTF-8 and bidirectional overrides become \xNN or \u{N}.
[[nodiscard]] std::string escape_name(std::string_view name);

}  // namespace quire::trace
