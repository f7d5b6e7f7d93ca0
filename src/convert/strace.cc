// strace -f -e trace=%memory,%process: system calls with their results, and no
// touches of memory.
#include <fmt/format.h>
#include <sched.h>

#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "convert/calls.h"
#include "convert/process_tree.h"
#include "convert/strace_line.h"
#include "convert/strace_words.h"
#include "convert/text_cursor.h"
#include "trace/event.h"

namespace quire::convert {
namespace {

using record::PerfEvent;
using Type = PerfEvent::Type;
using What = StraceLine::What;

constexpr std::uint32_t kUnnamed = 0;  // the task whose number is not shown
constexpr std::size_t kMaxHeld = 1U << 20;
constexpr std::size_t kMaxArgv = 4096;
constexpr std::uint64_t kDayNs = 86'400ULL * 1'000'000'000ULL;

class Strace final : public Importer {
 public:
  Strace(record::EventSink& sink, const record::Scrubber& scrubber) : tree_(sink, scrubber) {}

  Result<void, std::string> line(std::string_view text) override;
  Result<Findings, Diagnostic> finish() override;

 private:
  struct Unfinished {
    std::string name;
    std::string text;      // what stood behind "name("
    bool entered = false;  // told already
  };
  struct Held {
    std::uint64_t time_ns = 0;
    std::string text;
  };

  Result<void, std::string> act(const StraceLine& line, std::uint32_t tid, std::uint64_t time_ns);
  Result<void, std::string> unfinished(const StraceLine& line, std::uint32_t tid, std::uint64_t time_ns);
  Result<void, std::string> resumed(const StraceLine& line, std::uint32_t tid, std::uint64_t time_ns);
  Result<void, std::string> whole(std::string_view name, std::string_view text, std::uint32_t tid,
                                  std::uint64_t time_ns);
  Result<PerfEvent, std::string> entered(const Call& call, const StraceCall& split) const;
  Result<void, std::string> returned(const Call& call, const PerfEvent& enter, std::string_view behind,
                                     std::string_view fd);
  Result<void, std::string> cloned(const Call& call, std::string_view text, std::string_view behind,
                                   std::uint32_t tid, std::uint64_t time_ns);
  Result<void, std::string> executed(const StraceCall& split, std::uint32_t tid, std::uint64_t time_ns);
  void ended(std::string_view text, std::uint32_t tid, std::uint64_t time_ns);
  Result<void, std::string> release_held();
  void tell_mapping(const PerfEvent& enter, std::int64_t result, std::string_view fd);
  void read_argv(std::string_view arg);

  std::uint64_t clock(const StraceLine& line);
  [[nodiscard]] std::uint32_t task_of(const StraceLine& line);
  [[nodiscard]] std::uint32_t pid_of(std::uint32_t tid) const {
    const auto found = pids_.find(tid);
    return found == pids_.end() ? tid : found->second;
  }

  ProcessTree tree_;
  trace::Header header_;
  std::optional<std::uint32_t> unnamed_is_;  // the number of the task that had none
  std::unordered_map<std::uint32_t, Unfinished> unfinished_;
  std::unordered_map<std::uint32_t, std::uint32_t> pids_;  // of threads
  // Lines of tasks whose parent has not said yet that it made them.
  std::map<std::uint32_t, std::vector<Held>> held_;
  std::size_t held_lines_ = 0;
  std::vector<std::uint32_t> made_;                          // whose lines may be told now
  std::map<std::string, std::uint64_t, std::less<>> files_;  // a number for each name
  std::uint64_t unnamed_files_ = 0;
  std::uint64_t last_ns_ = 0;
  std::uint64_t days_ns_ = 0;
  int exit_status_ = 0;
};

// Times only have to be in order; midnight passes.
std::uint64_t Strace::clock(const StraceLine& line) {
  switch (line.clock) {
    case StraceLine::Clock::kNone:
      break;
    case StraceLine::Clock::kEpoch:
      if (header_.wall_clock_start == 0)
        header_.wall_clock_start = static_cast<std::int64_t>(line.time_ns / 1'000'000'000);
      last_ns_ = line.time_ns;
      break;
    case StraceLine::Clock::kStep:
      last_ns_ += std::min(line.time_ns, kDayNs);
      break;
    case StraceLine::Clock::kDay:
      if (line.time_ns + days_ns_ + kDayNs / 2 < last_ns_) days_ns_ += kDayNs;
      last_ns_ = line.time_ns + days_ns_;
      break;
  }
  return last_ns_;
}

// The first task has no number until there is a second: then it is the one whose
// number no clone has returned.
std::uint32_t Strace::task_of(const StraceLine& line) {
  if (!line.tid) return kUnnamed;
  if (unnamed_is_ == line.tid) return kUnnamed;
  const bool stranger = tree_.begun() && tree_.root() == kUnnamed && !unnamed_is_ && !tree_.knows(*line.tid);
  // A child's first line may come before clone has returned: that one is held.
  if (stranger && !unfinished_.contains(kUnnamed)) {
    unnamed_is_ = line.tid;
    return kUnnamed;
  }
  return *line.tid;
}

Result<void, std::string> Strace::line(std::string_view text) {
  const StraceLine line = QUIRE_TRY(split_strace(text));
  const std::uint64_t time_ns = clock(line);
  if (line.what == What::kOther) return {};
  const std::uint32_t tid = task_of(line);
  if (!tree_.begun() || tree_.knows(tid)) {
    QUIRE_TRY(act(line, tid, time_ns));
    return release_held();
  }
  if (held_lines_ == kMaxHeld)
    return fail(std::string("too many lines of tasks that nobody has made; expected clone"));
  ++held_lines_;
  held_[tid].push_back({time_ns, std::string(text)});
  return {};
}

Result<void, std::string> Strace::act(const StraceLine& line, std::uint32_t tid, std::uint64_t time_ns) {
  switch (line.what) {
    case What::kCall:
      return whole(line.name, line.text, tid, time_ns);
    case What::kUnfinished:
      return unfinished(line, tid, time_ns);
    case What::kResumed:
      return resumed(line, tid, time_ns);
    case What::kEnded:
      ended(line.text, tid, time_ns);
      break;
    case What::kOther:
      break;
  }
  return {};
}

Result<void, std::string> Strace::unfinished(const StraceLine& line, std::uint32_t tid,
                                             std::uint64_t time_ns) {
  const auto call = find_call(line.name);
  if (!call) return {};
  Unfinished begun{std::string(line.name), std::string(line.text)};
  // munmap takes effect where it begins: other tasks' lines come in between.
  const bool memory = call->role == Role::kMemory || call->role == Role::kMaps;
  if (const auto split = memory ? split_call(line.text) : std::nullopt; split && tree_.begun()) {
    if (auto enter = entered(*call, *split)) {
      enter->tid = enter->pid = tid;
      enter->time_ns = time_ns;
      tree_.feed(*enter);
      begun.entered = true;
    }
  }
  unfinished_[tid] = std::move(begun);
  return {};
}

Result<void, std::string> Strace::resumed(const StraceLine& line, std::uint32_t tid, std::uint64_t time_ns) {
  if (!find_call(line.name)) return {};
  const auto found = unfinished_.find(tid);
  if (found == unfinished_.end() || found->second.name != line.name)
    return fail(fmt::format("expected {}(... <unfinished ...> of the same task before it", line.name));
  const Unfinished begun = std::move(found->second);
  unfinished_.erase(found);
  const std::string text = begun.text + std::string(line.text);
  if (!begun.entered) return whole(begun.name, text, tid, time_ns);
  const auto call = find_call(begun.name);
  const auto split = split_call(text);
  if (!split) return fail(std::string("expected ) = RESULT"));
  PerfEvent enter = QUIRE_TRY(entered(*call, *split));
  enter.tid = enter.pid = tid;
  enter.time_ns = time_ns;
  const std::string_view fd = call->role == Role::kMaps ? split->args[4] : std::string_view();
  return returned(*call, enter, split->behind, fd);
}

Result<void, std::string> Strace::whole(std::string_view name, std::string_view text, std::uint32_t tid,
                                        std::uint64_t time_ns) {
  const auto call = find_call(name);
  if (!call) return {};
  const auto split = split_call(text);
  if (!split || split->behind.empty()) return fail(fmt::format("expected {}(ARGUMENTS) = RESULT", name));
  if (call->role == Role::kExec) return executed(*split, tid, time_ns);
  if (!tree_.begun()) return {};
  if (call->role == Role::kClone) return cloned(*call, text, split->behind, tid, time_ns);
  PerfEvent enter = QUIRE_TRY(entered(*call, *split));
  QUIRE_TRY(read_result(split->behind));  // a bad line changes nothing
  enter.tid = enter.pid = tid;
  enter.time_ns = time_ns;
  tree_.feed(enter);
  const std::string_view fd = call->role == Role::kMaps ? split->args[4] : std::string_view();
  return returned(*call, enter, split->behind, fd);
}

Result<PerfEvent, std::string> Strace::entered(const Call& call, const StraceCall& split) const {
  PerfEvent event;
  event.type = Type::kEnter;
  event.number = call.number;
  if (split.args.size() < call.least_args)
    return fail(fmt::format("expected {} arguments of {}", call.least_args, call.name));
  for (std::size_t i = 0; i < std::min(split.args.size(), event.args.size()); ++i) {
    const auto value = read_value(split.args[i]);
    if (!value)
      return fail(fmt::format("argument {} of {}: expected a number or names of flags", i + 1, call.name));
    event.args[i] = *value;
  }
  return event;
}

Result<void, std::string> Strace::returned(const Call& call, const PerfEvent& enter, std::string_view behind,
                                           std::string_view fd) {
  const auto result = QUIRE_TRY(read_result(behind));
  if (!result) return {};
  if (call.role == Role::kMaps) tell_mapping(enter, *result, fd);
  PerfEvent event = enter;
  event.type = Type::kReturn;
  event.result = *result;
  tree_.feed(event);
  return {};
}

// Which file a mapping is of, as perf would have told: by the name that strace -y
// shows, otherwise a file of its own.
void Strace::tell_mapping(const PerfEvent& enter, std::int64_t result, std::string_view fd) {
  const auto descriptor = static_cast<std::int32_t>(enter.args[4]);
  const bool anonymous = (enter.args[3] & 0x20) != 0;  // MAP_ANONYMOUS
  if (result < 0 || descriptor < 0 || anonymous) return;
  PerfEvent mapping = enter;
  mapping.type = Type::kMmap;
  mapping.address = static_cast<std::uint64_t>(result);
  mapping.end = mapping.address + enter.args[1];
  const auto name = fd.find('<');
  if (name != std::string_view::npos && fd.ends_with('>')) {
    mapping.text = std::string(fd.substr(name + 1, fd.size() - name - 2));
    mapping.inode = files_.try_emplace(mapping.text, files_.size() + 1).first->second;
    mapping.dev = 1;
  } else {
    mapping.inode = ++unnamed_files_;
    mapping.dev = 2;
  }
  tree_.feed(mapping);
}

Result<void, std::string> Strace::cloned(const Call& call, std::string_view text, std::string_view behind,
                                         std::uint32_t tid, std::uint64_t time_ns) {
  const auto result = QUIRE_TRY(read_result(behind));
  if (!result || *result <= 0 || *result > INT32_MAX) return {};
  const auto child = static_cast<std::uint32_t>(*result);
  std::uint64_t flags = named_value(text, "flags").value_or(0);
  if (call.name == "vfork") flags = CLONE_VM | CLONE_VFORK;
  const bool thread = (flags & CLONE_THREAD) != 0;
  PerfEvent event;
  event.tid = event.pid = tid;
  event.time_ns = time_ns;
  event.type = Type::kEnter;
  event.number = find_call("clone")->number;  // whichever it was: with these flags
  event.args[0] = flags;
  tree_.feed(event);
  event.type = Type::kFork;
  event.pid = pid_of(tid);
  event.child_tid = child;
  event.child_pid = thread ? pid_of(tid) : child;
  pids_[child] = event.child_pid;
  tree_.feed(event);
  if (held_.contains(child)) made_.push_back(child);
  return {};
}

// One after the other, for these lines may show the makers of further ones.
Result<void, std::string> Strace::release_held() {
  std::string first_wrong;
  while (!made_.empty()) {
    const std::uint32_t tid = made_.back();
    made_.pop_back();
    const auto waiting = held_.extract(tid);
    if (waiting.empty()) continue;
    held_lines_ -= waiting.mapped().size();
    for (const Held& held : waiting.mapped()) {
      const auto line = split_strace(held.text);
      const auto done = line ? act(*line, tid, held.time_ns) : fail(line.error());
      if (!done && first_wrong.empty())
        first_wrong = fmt::format("an earlier line of task {}: {}", tid, done.error());
    }
  }
  if (!first_wrong.empty()) return fail(std::move(first_wrong));
  return {};
}

Result<void, std::string> Strace::executed(const StraceCall& split, std::uint32_t tid,
                                           std::uint64_t time_ns) {
  const auto result = QUIRE_TRY(read_result(split.behind));
  if (!result || *result != 0) return {};
  const bool at = !split.args.empty() && split.args[0].front() != '"';
  const std::size_t path_at = at ? 1 : 0;  // execveat has a folder first
  if (split.args.size() < path_at + 2)
    return fail(std::string("expected execve(\"PATH\", [\"ARG\"...], ...) = 0"));
  const auto path = read_string(split.args[path_at]);
  if (!path) return fail(std::string("expected the program's path as a string"));
  if (!tree_.begun()) {
    header_.argv = {*path};
    read_argv(split.args[path_at + 1]);
  }
  PerfEvent event;
  event.type = Type::kExec;
  event.tid = tid;
  event.pid = pid_of(tid);
  event.time_ns = time_ns;
  event.text = path->substr(path->rfind('/') + 1);
  tree_.feed(event);
  return {};
}

// ["prog", "arg"...]; what strace has cut short stays short.
void Strace::read_argv(std::string_view arg) {
  if (!arg.starts_with('[') || !arg.ends_with(']')) return;
  const auto words = split_call(arg.substr(1, arg.size() - 2));
  if (!words || words->args.empty()) return;
  std::vector<std::string> argv;
  for (const std::string_view word : words->args) {
    if (auto text = read_string(word); text && argv.size() < kMaxArgv) argv.push_back(std::move(*text));
  }
  if (!argv.empty()) header_.argv = std::move(argv);
}

void Strace::ended(std::string_view text, std::uint32_t tid, std::uint64_t time_ns) {
  if (!tree_.knows(tid)) return;
  TextCursor cursor(text);
  if (tid == tree_.root() && cursor.skip("+++ exited with "))
    exit_status_ = static_cast<int>(cursor.number<std::uint8_t>().value_or(0)) << 8;
  if (tid == tree_.root() && cursor.skip("+++ killed by SIG")) {
    for (int number = 1; number < 65; ++number) {
      const char* const name = ::sigabbrev_np(number);
      if (name != nullptr && cursor.rest().substr(0, cursor.rest().find(' ')) == name) exit_status_ = number;
    }
  }
  PerfEvent event;
  event.type = Type::kExit;
  event.tid = tid;
  event.pid = pid_of(tid);
  event.time_ns = time_ns;
  unfinished_.erase(tid);
  tree_.feed(event);
}

Result<Findings, Diagnostic> Strace::finish() {
  if (!tree_.begun()) {
    return fail(Diagnostic{.kind = Diagnostic::Kind::kDamagedInput,
                           .where = {},
                           .what = "no program begins in it: expected a line with execve(...) = 0",
                           .hint = "strace -f -ttt -y -e trace=%memory,%process -o FILE CMD"});
  }
  Findings findings = tree_.finish();
  findings.header = std::move(header_);
  findings.header.lacks = {
      "touches of memory: strace sees system calls only, so no fault can be predicted",
      "the mappings of the program, its libraries' loader and its stack, which exec makes",
      "the kernel's count of faults",
      "environment, working folder, limits and settings of the recorded run",
  };
  if (unnamed_files_ != 0)
    findings.header.lacks.push_back(
        "names of mapped files: each mapping has one of its own; strace -y shows them");
  findings.summary.exit_status = exit_status_;
  findings.summary.lost_events += held_lines_;
  if (held_lines_ != 0)
    findings.header.lacks.push_back(
        fmt::format("{} lines of tasks that nobody in it has made: strace -f with clone", held_lines_));
  return findings;
}

}  // namespace

std::unique_ptr<Importer> make_strace_importer(record::EventSink& sink, const record::Scrubber& scrubber) {
  return std::make_unique<Strace>(sink, scrubber);
}

}  // namespace quire::convert
