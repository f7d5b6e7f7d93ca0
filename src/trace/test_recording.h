// trace/test_recording.h - for tests, benchmarks and the fuzz target only:
// recordings made to order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "trace/accessed.h"
#include "trace/contents.h"
#include "trace/event.h"
#include "trace/header.h"
#include "trace/reader.h"
#include "trace/writer.h"

namespace quire::trace::testing {

// A folder of its own, gone with the object.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "quire-trace-XXXXXX").string();
    QUIRE_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::vector<std::byte> bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  const auto view = std::as_bytes(std::span(chars));
  return {view.begin(), view.end()};
}

inline void put_bytes(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// Every member set to something that is not its default.
inline Header full_header() {
  return {.format_version = kPlainVersion,
          .tool_version = "0.1.0",
          .tier = Tier::kPerf,
          .lacks = {"lost: order between cpus"},
          .kernel_release = "6.18.0-test",
          .machine = "x86_64",
          .page_size = 4096,
          .cpus = 2,
          .ram_bytes = 24ULL << 30,
          .wall_clock_start = 1'790'000'000,
          .argv = {"prog", "", "two words", "bad \xff byte", "umlaut \xc3\xa4"},
          .envp = {"PATH=/bin", std::string("X=\xc0\x80\x01", 5)},
          .cwd = "/tmp/\xfe",
          .personality = 0x0040000,
          .rlimits = {{"stack", {8U << 20, ~0ULL}}, {"memlock", {1, 2}}},
          .thp_state = {{"enabled", "always [madvise] never"}, {"hugepages-64kB/enabled", "[always]"}},
          .fault_around_bytes = 65536,
          .thp_disabled_while_recording = true,
          .scrubbed = true,
          .imported_from = "strace"};
}

inline Gate full_gate() {
  return {.passed = false,
          .recorded_faults = 10,
          .modelled_populate = 2,
          .kernel_faults = 13,
          .replayed_faults = 11,
          .failures = {"1 fault is unexplained"}};
}

inline Summary full_summary() {
  return {.lost_events = 1,
          .events = 0,
          .touches = 3,
          .min_flt = 4,
          .maj_flt = 5,
          .tasks = 6,
          .exit_status = 0x8b,
          .interrupted = true,
          .cpu_user_ns = ~0ULL,
          .cpu_sys_ns = 8,
          .gate = std::nullopt};
}

inline Event touch(TaskId task, MmId mm, std::uint64_t addr, std::uint64_t time_us,
                   std::uint8_t flags = TouchBits::kWrite) {
  Event event;
  event.kind = Kind::kTouch;
  event.flags = flags;
  event.task = task;
  event.mm = mm;
  event.time_us = time_us;
  event.addr = VirtAddr(addr);
  return event;
}

inline Event record(Kind kind, TaskId task, MmId mm, std::array<std::uint64_t, 6> args,
                    std::int64_t result = 0) {
  Event event;
  event.kind = kind;
  event.task = task;
  event.mm = mm;
  event.args = args;
  event.result = result;
  return event;
}

inline Event syscall(Sys sys, TaskId task, MmId mm, std::array<std::uint64_t, 6> args, std::int64_t result,
                     Phase phase = Phase::kExit) {
  Event event = record(Kind::kSyscall, task, mm, args, result);
  event.sys = sys;
  event.phase = phase;
  return event;
}

inline Event named(Event event, FileId file, std::string text) {
  event.file = file;
  event.text = std::move(text);
  return event;
}

// A heap of 64 pages of which two were looked at.
inline ContentsSample contents_sample() {
  MappingContents heap{.first_page = 0x555,
                       .pages = 64,
                       .kind = MappingKind::kHeap,
                       .present = 10,
                       .sampled = 2,
                       .zero = 0,
                       .same = 1};
  for (const ContentsCodec codec : kContentsCodecs) {
    heap.of(codec, 0).add(1000, 4096);
    heap.of(codec, 0).add(1048, 4096);
  }
  return {.time_us = 77, .mm = 3, .mappings = {heap}};
}

// A shell that execs, maps a file, forks a child that writes and exits: every
// kind of event at least once.
inline std::vector<Event> small_run() {
  return {
      named(record(Kind::kExec, 1, 2, {1, 0x555000, 0x556000, 0x7ffe10, 0x7ffe80, 0x7ffe00}, 0x7fff000), 0,
            "sh"),
      named(record(Kind::kFile, 1, 2, {2049, 77, 120'000, 0}), 1, "dash"),
      named(record(Kind::kVma, 1, 2, {0x400000, 0x41f000, VmaBits::kRead | VmaBits::kExec, 0}), 1, ""),
      record(Kind::kVma, 1, 2, {0x7ffd000, 0x7fff000, VmaBits::kRead | VmaBits::kWrite | VmaBits::kStack, 0}),
      touch(1, 2, 0x401234, 10, TouchBits::kExecute),
      named(record(Kind::kFaultAround, 1, 2, {0, 15}), 1, ""),
      syscall(Sys::kMmap, 1, 2, {0, 1 << 20, 3, 0x22, ~0ULL, 0}, 0x7f0000000000),
      touch(1, 2, 0x7f0000000000, 20),
      touch(1, 2, 0x7f0000001000, 21),
      touch(1, 2, 0x7f0000002008, 21, 0),
      touch(1, 2, 0x7f0000003fff, 22, TouchBits::kWrite | TouchBits::kKernel),
      record(Kind::kFork, 1, 2, {2, 3, 0x1200011}),
      touch(2, 3, 0x7f0000000010, 30, TouchBits::kWrite | TouchBits::kPresent),
      touch(1, 2, 0x7f0000000010, 31, TouchBits::kWrite | TouchBits::kPresent | TouchBits::kUncounted),
      syscall(Sys::kMunmap, 2, 3, {0x7f0000000000, 1 << 20}, 0, Phase::kEnter),
      record(Kind::kExit, 2, 3, {120, 1}),
      record(Kind::kMmGone, 2, 3, {}),
      syscall(Sys::kMadvise, 1, 2, {0x7f0000000000, 1 << 20, 4}, -22),
      record(Kind::kExit, 1, 2, {400, 0}),
  };
}

// Writes a recording with a chunk for every `per_chunk` events.
inline void write_recording(const std::string& path, Header header, const std::vector<Event>& events,
                            const std::optional<Summary>& summary, std::size_t per_chunk = 1'000'000) {
  const bool samples = std::ranges::any_of(events, [](const Event& e) { return e.kind == Kind::kAccessed; });
  if (samples) header.format_version = kFormatVersion;
  auto writer = Writer::create(path, header);
  QUIRE_CHECK_MSG(writer.has_value(), "{}", writer ? "" : writer.error().line());
  std::size_t count = 0;
  for (const Event& event : events) {
    QUIRE_CHECK(writer->append(event).has_value());
    if (++count % per_chunk == 0) QUIRE_CHECK(writer->flush_chunk().has_value());
  }
  if (summary) QUIRE_CHECK(writer->finish(*summary).has_value());
}

inline std::vector<std::byte> recording_bytes(const std::vector<Event>& events,
                                              const std::optional<Summary>& summary,
                                              std::size_t per_chunk = 1'000'000) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), events, summary, per_chunk);
  return bytes_of(dir.file("r"));
}

// What a reader gives until its end or the first Diagnostic.
struct ReadBack {
  std::vector<Event> events;
  std::optional<Diagnostic> diagnostic;
};

inline ReadBack read_all(Reader& reader) {
  ReadBack back;
  for (;;) {
    Event event;
    auto more = reader.next(event);
    if (!more) back.diagnostic = more.error();
    if (!more || !*more) return back;
    back.events.push_back(std::move(event));
  }
}

}  // namespace quire::trace::testing
