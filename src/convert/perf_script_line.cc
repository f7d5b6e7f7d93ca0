#include "convert/perf_script_line.h"

#include <sys/mman.h>

#include <string>

#include "convert/text_cursor.h"

namespace quire::convert {

using record::PerfEvent;

namespace {

// "123" or "123/124": the task is the last.
std::optional<std::uint32_t> task_of(std::string_view word) {
  TextCursor cursor(word.substr(word.find('/') == std::string_view::npos ? 0 : word.find('/') + 1));
  const auto tid = cursor.number<std::uint32_t>();
  return cursor.at_end() ? tid : std::nullopt;
}

// PID, perhaps [CPU], then the time and a colon.
std::optional<PerfScriptLine> head_at(std::string_view text) {
  TextCursor cursor(text);
  PerfScriptLine line;
  const auto tid = task_of(cursor.word());
  if (!tid) return std::nullopt;
  line.tid = *tid;
  cursor.skip_spaces();
  if (cursor.skip("[")) {
    if (!cursor.until("]")) return std::nullopt;
    cursor.skip_spaces();
  }
  const auto time = take_seconds(cursor);
  if (!time || !cursor.skip(":")) return std::nullopt;
  line.time_ns = *time;
  cursor.skip_spaces();
  line.text = cursor.rest();
  return line;
}

// [PERIOD] EVENT: TEXT. Names of events hold colons, but no spaces.
bool split_event(PerfScriptLine& line) {
  TextCursor cursor(line.text);
  std::string_view word = cursor.word();
  TextCursor number(word);
  if (const auto period = number.number<std::uint64_t>(); period && number.at_end()) {
    line.period = *period;
    cursor.skip_spaces();
    word = cursor.word();
  }
  if (word.ends_with(':')) word.remove_suffix(1);
  cursor.skip_spaces();
  line.event = word;
  line.text = cursor.rest();
  return !word.empty();
}

std::unexpected<std::string> expected(const char* what) { return fail(std::string(what)); }

struct Ids {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
};

// "12/13" or "12:13"
std::optional<Ids> take_ids(TextCursor& cursor, std::string_view between) {
  const auto pid = cursor.number<std::uint32_t>();
  if (!pid || !cursor.skip(between)) return std::nullopt;
  const auto tid = cursor.number<std::uint32_t>();
  if (!tid) return std::nullopt;
  return Ids{*pid, *tid};
}

// "rw-p NAME"
bool read_permissions(PerfEvent& event, TextCursor& cursor) {
  const std::string_view bits = cursor.word();
  if (bits.size() != 4) return false;
  event.prot =
      static_cast<std::uint32_t>((bits[0] == 'r' ? PROT_READ : 0) | (bits[1] == 'w' ? PROT_WRITE : 0) |
                                 (bits[2] == 'x' ? PROT_EXEC : 0));
  event.flags = bits[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
  cursor.skip_spaces();
  event.text = std::string(cursor.rest());
  return true;
}

// " MAJOR:MINOR INODE GENERATION": hexadecimal, then decimal
bool read_file(PerfEvent& event, TextCursor& cursor) {
  cursor.skip_spaces();
  const auto major = cursor.number<std::uint32_t>(16);
  if (!major || !cursor.skip(":")) return false;
  const auto minor = cursor.number<std::uint32_t>(16);
  cursor.skip_spaces();
  const auto inode = cursor.number<std::uint64_t>();
  cursor.skip_spaces();
  const auto generation = cursor.number<std::uint64_t>();
  if (!minor || !inode || !generation || *major >= 1U << 12 || *minor >= 1U << 20) return false;
  event.dev = *major << 20 | *minor;
  event.inode = *inode;
  return true;
}

}  // namespace

std::optional<PerfScriptLine> split_perf_script(std::string_view line) {
  for (std::size_t at = line.find(' '); at != std::string_view::npos; at = line.find(' ', at + 1)) {
    if (at + 1 >= line.size() || !is_digit(line[at + 1])) continue;
    auto head = head_at(line.substr(at + 1));
    if (head && split_event(*head)) return head;
  }
  return std::nullopt;
}

// PERF_RECORD_MMAP2 1/1: [0x7f00(0x1000) @ 0x26000 fe:00 42 7]: r-xp /lib/libc.so
Result<std::optional<PerfEvent>, std::string> read_mmap(const PerfScriptLine& line) {
  constexpr const char* kShape =
      "expected PID/TID: [0xSTART(0xLENGTH) @ OFFSET MAJOR:MINOR INODE GENERATION]: rwxp NAME";
  TextCursor cursor(line.text);
  if (cursor.skip("-1/")) return std::optional<PerfEvent>();  // of the kernel itself
  PerfEvent event;
  event.type = PerfEvent::Type::kMmap;
  event.time_ns = line.time_ns;
  const auto ids = take_ids(cursor, "/");
  if (!ids || !cursor.skip(": [")) return expected(kShape);
  event.pid = ids->pid;
  event.tid = ids->tid;
  const auto start = cursor.address_or_number();
  if (!start || !cursor.skip("(")) return expected(kShape);
  const auto length = cursor.address_or_number();
  if (!length || !cursor.skip(") @ ")) return expected(kShape);
  const auto offset = cursor.address_or_number();
  if (!offset || !read_file(event, cursor) || !cursor.skip("]: ") || !read_permissions(event, cursor))
    return expected(kShape);
  if (*start >= kUserEnd) return std::optional<PerfEvent>();  // vsyscall
  if (*length == 0 || *length > kUserEnd - *start || ((*start | *length) & 0xfff) != 0)
    return expected("expected whole pages of a program's address space");
  event.address = *start;
  event.end = *start + *length;
  event.pgoff = *offset;
  return std::optional<PerfEvent>(std::move(event));
}

// PERF_RECORD_FORK(6807:6807):(6805:6805): the child, then the parent.
Result<PerfEvent, std::string> read_fork_or_exit(const PerfScriptLine& line) {
  constexpr const char* kShape = "expected (PID:TID):(PARENT:TID)";
  const bool fork = line.event.starts_with("PERF_RECORD_FORK");
  TextCursor cursor(line.event);
  cursor.skip(fork ? "PERF_RECORD_FORK" : "PERF_RECORD_EXIT");
  PerfEvent event;
  event.type = fork ? PerfEvent::Type::kFork : PerfEvent::Type::kExit;
  event.time_ns = line.time_ns;
  if (!cursor.skip("(")) return expected(kShape);
  const auto child = take_ids(cursor, ":");
  if (!child || !cursor.skip("):(")) return expected(kShape);
  const auto parent = take_ids(cursor, ":");
  if (!parent || !cursor.skip(")")) return expected(kShape);
  event.child_pid = child->pid;
  event.child_tid = child->tid;
  event.pid = fork ? parent->pid : child->pid;
  event.tid = fork ? parent->tid : child->tid;
  return event;
}

// PERF_RECORD_COMM exec: prog:6805/6805
Result<std::optional<PerfEvent>, std::string> read_comm(const PerfScriptLine& line) {
  TextCursor cursor(line.text);
  if (!cursor.skip("exec: ")) return std::optional<PerfEvent>();
  const std::string_view text = cursor.rest();
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return expected("expected NAME:PID/TID");
  TextCursor numbers(text.substr(colon + 1));
  const auto ids = take_ids(numbers, "/");
  if (!ids) return expected("expected NAME:PID/TID");
  PerfEvent event;
  event.type = PerfEvent::Type::kExec;
  event.time_ns = line.time_ns;
  event.pid = ids->pid;
  event.tid = ids->tid;
  event.text = std::string(text.substr(0, colon));
  return std::optional<PerfEvent>(std::move(event));
}

}  // namespace quire::convert
