// The recorder on real programs. Needs what the BPF tier needs; skips with the
// kernel's reason otherwise.
#include "record/recorder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "live/launch.h"
#include "record/bpf_source.h"
#include "record/perf_source.h"
#include "record/test_target.h"
#include "trace/accessed.h"
#include "trace/reader.h"

namespace quire::record {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using trace::Event;
using trace::Kind;
using trace::Sys;
using trace::TouchBits;

struct Recording {
  trace::Header header;
  std::optional<trace::Summary> summary;
  bool truncated = false;
  std::vector<Event> events;
};

class Recorder : public testing::Test {
 protected:
  void SetUp() override {
    if (!refusal().empty()) GTEST_SKIP() << "needs BPF: " << refusal();
    std::string pattern = (fs::temp_directory_path() / "quire-record-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override {
    if (!folder.empty()) fs::remove_all(folder);
  }

  // Why there is no BPF here; asked once.
  static const std::string& refusal() {
    static const std::string text = [] {
      const auto source = make_bpf_source(1_MiB);
      return source ? std::string() : source.error().line();
    }();
    return text;
  }

  [[nodiscard]] std::string file(const char* name = "t.quire") const { return (folder / name).string(); }

  [[nodiscard]] RecordOptions options(std::vector<std::string> command) const {
    RecordOptions all;
    all.output = file();
    all.command = std::move(command);
    all.force_tier = trace::Tier::kBpf;
    return all;
  }
  RecordOutcome run(const RecordOptions& all) {
    auto outcome = record(all);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().line();
    return outcome ? std::move(*outcome) : RecordOutcome{};
  }
  [[nodiscard]] Recording load() const {
    Recording all;
    auto reader = trace::Reader::open(file());
    EXPECT_TRUE(reader.has_value()) << reader.error().line();
    if (!reader) return all;
    all.header = reader->header();
    all.summary = reader->summary();
    all.truncated = reader->truncated();
    for (Event e;;) {
      const auto more = reader->next(e);
      EXPECT_TRUE(more.has_value()) << more.error().line();
      if (!more || !*more) return all;
      all.events.push_back(e);
    }
  }

  fs::path folder;
};

std::string text_of_file(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Event> calls(const Recording& recording, Sys sys) {
  std::vector<Event> all;
  std::ranges::copy_if(recording.events, std::back_inserter(all),
                       [&](const Event& e) { return e.kind == Kind::kSyscall && e.sys == sys; });
  return all;
}

// The one mmap of so many pages.
VirtRange mapping_of(const Recording& recording, std::uint64_t pages) {
  for (const Event& e : calls(recording, Sys::kMmap)) {
    if (e.args[1] == pages * kPageSize) {
      const VirtAddr begin(static_cast<std::uint64_t>(e.result));
      return {begin, begin + PageCount(pages)};
    }
  }
  ADD_FAILURE() << "no mapping of " << pages << " pages";
  return {};
}

std::uint64_t touches_in(const Recording& recording, VirtRange range, std::uint8_t flags) {
  return static_cast<std::uint64_t>(std::ranges::count_if(recording.events, [&](const Event& e) {
    return e.kind == Kind::kTouch && range.contains(e.addr) && e.flags == flags;
  }));
}

// Pages exec puts on the stack without a fault: arguments and environment.
std::uint64_t exec_pages(const Recording& recording) {
  std::uint64_t pages = 0;
  for (const Event& e : recording.events) {
    if (e.kind == Kind::kExec)
      pages += (static_cast<std::uint64_t>(e.result) >> kPageShift) - (e.args[3] >> kPageShift);
  }
  return pages;
}

std::uint64_t populated_pages(const Recording& recording) {
  std::uint64_t pages = 0;
  for (const Event& e : calls(recording, Sys::kMmap)) {
    if ((e.args[3] & MAP_POPULATE) != 0 && e.result > 0) pages += e.args[1] / kPageSize;
  }
  return pages;
}

// Nothing lost, and every fault the kernel counted for any task of the tree is
// in the recording or follows from it.
void expect_complete(const RecordOutcome& outcome, const Recording& recording) {
  EXPECT_EQ(outcome.summary.lost_events, 0U);
  ASSERT_TRUE(recording.summary.has_value());
  EXPECT_EQ(recording.summary->touches + exec_pages(recording) + populated_pages(recording),
            recording.summary->min_flt + recording.summary->maj_flt);
  std::uint64_t exits = 0;
  for (const Event& e : recording.events) {
    if (e.kind == Kind::kExit) exits += e.args[0] + e.args[1];
  }
  EXPECT_EQ(exits, recording.summary->min_flt + recording.summary->maj_flt);
}

// A trivial program, complete to the fault.
TEST_F(Recorder, AccountsForEveryFaultOfTrue) {
  const RecordOutcome outcome = run(options({"/bin/true"}));
  EXPECT_EQ(outcome.wait_status, 0);
  const Recording recording = load();
  expect_complete(outcome, recording);
  EXPECT_EQ(recording.events.back().kind, Kind::kMmGone);
  EXPECT_EQ(outcome.summary.tasks, 1U);
}

// Hundreds of short children: forks, copies on write, execs.
TEST_F(Recorder, AccountsForEveryFaultOfAScriptWithChildren) {
  const RecordOutcome outcome =
      run(options({"/bin/sh", "-c", "i=0; while [ $i -lt 60 ]; do x=$(ls / | wc -l); i=$((i+1)); done"}));
  const Recording recording = load();
  expect_complete(outcome, recording);
  EXPECT_GT(outcome.summary.tasks, 120U);
}

// Threads that map, touch and unmap at once, end beside a fork, and the fork's
// child: also here every fault is accounted for.
TEST_F(Recorder, AccountsForEveryFaultOfThreads) {
  const RecordOutcome outcome = run(options(target("threads")));
  EXPECT_EQ(outcome.wait_status, 0);
  expect_complete(outcome, load());
  EXPECT_EQ(outcome.summary.tasks, 1U + 20 * 5);
}

// Reads, writes, and writes by the kernel are told apart; populated pages come
// from their call alone.
TEST_F(Recorder, TellsTheKindsOfTouchesApart) {
  const RecordOutcome outcome = run(options(target("touches")));
  EXPECT_EQ(outcome.wait_status, 0);
  const Recording recording = load();
  expect_complete(outcome, recording);
  const VirtRange read_then_written = mapping_of(recording, 101);
  EXPECT_EQ(touches_in(recording, read_then_written, 0), 101U);
  EXPECT_EQ(touches_in(recording, read_then_written, TouchBits::kWrite | TouchBits::kPresent), 101U);
  EXPECT_EQ(touches_in(recording, mapping_of(recording, 103), TouchBits::kWrite | TouchBits::kKernel), 103U);
  EXPECT_EQ(touches_in(recording, mapping_of(recording, 107), TouchBits::kWrite), 0U);
}

// The calls stand where they take effect, with the kernel's arguments and
// results; a munmap is told again only when it failed.
TEST_F(Recorder, PlacesSystemCalls) {
  run(options(target("touches")));
  const Recording recording = load();
  const auto moves = calls(recording, Sys::kMremap);
  ASSERT_EQ(moves.size(), 2U);
  EXPECT_EQ(moves[0].phase, trace::Phase::kEnter);
  EXPECT_EQ(moves[1].phase, trace::Phase::kExit);
  EXPECT_EQ(moves[1].args[2], 113 * kPageSize);
  const auto advice = calls(recording, Sys::kMadvise);
  ASSERT_FALSE(advice.empty());
  EXPECT_EQ(advice.back().args[0], static_cast<std::uint64_t>(moves[1].result));
  EXPECT_EQ(advice.back().args[2], static_cast<std::uint64_t>(MADV_DONTNEED));
  const auto unmaps = calls(recording, Sys::kMunmap);
  ASSERT_GE(unmaps.size(), 3U);
  EXPECT_EQ(unmaps.rbegin()[2].phase, trace::Phase::kEnter);
  EXPECT_EQ(unmaps.rbegin()[2].args[0], static_cast<std::uint64_t>(moves[1].result));
  EXPECT_EQ(unmaps.rbegin()[1].phase, trace::Phase::kEnter);
  EXPECT_EQ(unmaps.rbegin()[0].phase, trace::Phase::kExit);
  EXPECT_EQ(unmaps.rbegin()[0].result, -EINVAL);
}

// The prctl that switches huge pages off for the target is the recorder's; the
// target's own is in the recording.
TEST_F(Recorder, RecordsOnlyTheTargetsOwnPrctl) {
  run(options(target("touches")));
  const auto calls_of_target = calls(load(), Sys::kPrctl);
  ASSERT_EQ(calls_of_target.size(), 1U);
  EXPECT_EQ(calls_of_target[0].result, 0);
}

// What exec left behind is told whole: program, interpreter, vdso, and the
// stack that holds the arguments.
TEST_F(Recorder, TakesASnapshotAtExec) {
  run(options({"/bin/true"}));
  const Recording recording = load();
  const auto exec = std::ranges::find(recording.events, Kind::kExec, &Event::kind);
  ASSERT_NE(exec, recording.events.end());
  EXPECT_EQ(exec->text, "true");
  EXPECT_EQ(exec->args[0], 0U);
  std::set<std::string> files;
  std::uint64_t stacks = 0;
  for (auto e = exec + 1; e != recording.events.end() && e->kind == Kind::kVma; ++e) {
    EXPECT_EQ(e->mm, exec->mm);
    EXPECT_LT(e->args[0], e->args[1]);
    for (const Event& named : recording.events) {
      if (named.kind == Kind::kFile && e->file != 0 && named.file == e->file) files.insert(named.text);
    }
    if ((e->args[2] & trace::VmaBits::kStack) == 0) continue;
    ++stacks;
    EXPECT_EQ(e->args[1], static_cast<std::uint64_t>(exec->result));
    EXPECT_LE(e->args[0], exec->args[3]);
    EXPECT_LE(exec->args[4], e->args[1]);
  }
  EXPECT_EQ(stacks, 1U);
  EXPECT_THAT(files, Contains("true"));
  EXPECT_THAT(files, Contains(HasSubstr("ld-")));
}

// Every file event names an inode that is really there.
TEST_F(Recorder, NamesFilesAsStatDoes) {
  run(options({"/bin/true"}));
  struct stat info{};
  ASSERT_EQ(stat("/bin/true", &info), 0);
  const Recording recording = load();
  const auto program = std::ranges::find_if(
      recording.events, [](const Event& e) { return e.kind == Kind::kFile && e.text == "true"; });
  ASSERT_NE(program, recording.events.end());
  EXPECT_EQ(program->args[0], info.st_dev);
  EXPECT_EQ(program->args[1], info.st_ino);
  EXPECT_EQ(program->args[2], static_cast<std::uint64_t>(info.st_size));
}

// The target's own environment is this process's to the byte, and so is the
// header's.
TEST_F(Recorder, PassesTheEnvironmentUnchanged) {
  run(options({"cp", "/proc/self/environ", file("environ")}));
  std::string ours;
  for (char** entry = environ; *entry != nullptr; ++entry) ours.append(*entry).push_back('\0');
  EXPECT_EQ(text_of_file(folder / "environ"), ours);
  std::string headers;
  for (const std::string& entry : load().header.envp) headers.append(entry).push_back('\0');
  EXPECT_EQ(headers, ours);
}

// The target finds the descriptors a shell would have given it, and no other.
TEST_F(Recorder, LeavesTheTargetNoDescriptorOfItsOwn) {
  const std::string list = "ls /proc/self/fd > ";
  ASSERT_EQ(std::system((list + file("plain")).c_str()), 0);
  run(options({"/bin/sh", "-c", list + file("recorded")}));
  EXPECT_EQ(text_of_file(folder / "recorded"), text_of_file(folder / "plain"));
}

// The header says where and how, so that the run can be repeated.
TEST_F(Recorder, DescribesTheRun) {
  run(options({"/bin/true", "an argument"}));
  const trace::Header header = load().header;
  EXPECT_EQ(header.tier, trace::Tier::kBpf);
  EXPECT_EQ(header.argv, (std::vector<std::string>{"/bin/true", "an argument"}));
  EXPECT_EQ(header.cwd, fs::current_path().string());
  EXPECT_NE(header.personality & 0x40000, 0U);
  EXPECT_TRUE(header.thp_disabled_while_recording);
  EXPECT_EQ(header.rlimits.count("stack"), 1U);
  EXPECT_NE(header.fault_around_bytes, 0U);
  EXPECT_FALSE(header.kernel_release.empty());
  EXPECT_FALSE(header.lacks.empty());
}

// Scrubbed, neither a value of the environment nor a file's name is in it.
TEST_F(Recorder, ScrubsValuesAndFileNames) {
  RecordOptions all = options({"/bin/true"});
  all.scrub = Scrub::kYes;
  run(all);
  const Recording recording = load();
  EXPECT_TRUE(recording.header.scrubbed);
  for (const std::string& entry : recording.header.envp) {
    EXPECT_EQ(entry.find_first_not_of('x', std::min(entry.find('='), entry.size() - 1) + 1),
              std::string::npos);
  }
  for (const Event& e : recording.events) {
    if (e.kind != Kind::kFile) continue;
    EXPECT_THAT(e.text, testing::Not(testing::AnyOf(HasSubstr("true"), HasSubstr("ld-"))));
  }
}

// Pages that are used again and again are in later windows too, the others in
// the first alone; the recording still accounts for every fault.
TEST_F(Recorder, SamplesAccessedPages) {
  RecordOptions all = options(target("rereads"));
  all.hotness_ms = 5;
  const auto outcome = record(all);
  if (!outcome && outcome.error().kind == Diagnostic::Kind::kPrivilege)
    GTEST_SKIP() << outcome.error().line();
  ASSERT_TRUE(outcome.has_value()) << outcome.error().line();
  const Recording recording = load();
  EXPECT_EQ(recording.header.format_version, 2U);
  const auto area = std::ranges::find_if(recording.events, [](const Event& e) {
    return e.kind == Kind::kSyscall && e.sys == Sys::kMmap && e.args[1] == 331 * 4096;
  });
  ASSERT_NE(area, recording.events.end());
  const auto first = static_cast<std::uint64_t>(area->result) / 4096;
  std::map<std::uint64_t, unsigned> seen;  // page of the area -> times
  for (const Event& e : recording.events) {
    if (e.kind != Kind::kAccessed) continue;
    trace::RunCursor runs(e);
    for (trace::PageRun run; runs.next(run);) {
      for (std::uint64_t page = run.first; page < run.end(); ++page) {
        if (page >= first && page < first + 331) ++seen[page - first];
      }
    }
  }
  EXPECT_EQ(seen.size(), 331U);
  EXPECT_GE(seen[0], 3U);
  EXPECT_GE(seen[66], 3U);
  EXPECT_EQ(seen[300], 1U);
}

// The reason is told when accessed bits cannot be read, and nothing is run.
TEST_F(Recorder, HotnessNeedsBpf) {
  RecordOptions all = options({"true"});
  all.force_tier = trace::Tier::kUnprivileged;
  all.hotness_ms = 5;
  const auto outcome = record(all);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, Diagnostic::Kind::kPrivilege);
  EXPECT_FALSE(fs::exists(file()));
}

// Compressed sizes of the target's memory are in the recording.
TEST_F(Recorder, CountsHowWellMemoryCompresses) {
  RecordOptions all = options(target("rereads"));
  all.contents = Contents::kCount;
  run(all);
  const auto reader = trace::Reader::open(file());
  ASSERT_TRUE(reader.has_value());
  ASSERT_FALSE(reader->contents().empty());
  const auto& mappings = reader->contents().back().mappings;
  EXPECT_TRUE(std::ranges::any_of(mappings, [](const trace::MappingContents& m) {
    return m.pages >= 331 && m.sampled >= 16 &&
           m.of(trace::ContentsCodec::kLz4, 0).stored_bytes < m.sampled * 1024;
  }));
}

// How the target ended is how the recording says it ended.
TEST_F(Recorder, PassesOnTheExitStatus) {
  const RecordOutcome seven = run(options({"/bin/sh", "-c", "exit 7"}));
  EXPECT_EQ(WEXITSTATUS(seven.wait_status), 7);
  const RecordOutcome killed = run(options({"/bin/sh", "-c", "kill -KILL $$"}));
  EXPECT_TRUE(WIFSIGNALED(killed.wait_status));
  EXPECT_EQ(WTERMSIG(killed.wait_status), SIGKILL);
  EXPECT_EQ(load().summary->exit_status, killed.wait_status);
}

// A command that is not there is 127, one that may not be run 126; both say so
// and leave what was in the output file alone.
TEST_F(Recorder, LeavesTheOutputAloneWhenTheCommandCannotRun) {
  std::ofstream(file()) << "precious";
  const RecordOutcome missing = run(options({"no-such-command"}));
  EXPECT_EQ(WEXITSTATUS(missing.wait_status), 127);
  EXPECT_THAT(missing.notes, Contains(HasSubstr("no-such-command")));
  const RecordOutcome forbidden = run(options({"/etc/passwd"}));
  EXPECT_EQ(WEXITSTATUS(forbidden.wait_status), 126);
  EXPECT_EQ(text_of_file(file()), "precious");
}

// A child that outlives its parent belongs to the recording to its end.
TEST_F(Recorder, WaitsForChildrenThatOutliveTheTarget) {
  const RecordOutcome outcome = run(options(target("daemon")));
  EXPECT_EQ(WEXITSTATUS(outcome.wait_status), 9);
  const Recording recording = load();
  expect_complete(outcome, recording);
  EXPECT_EQ(touches_in(recording, mapping_of(recording, 211), TouchBits::kWrite), 211U);
}

// The second tier sees the same program do the same: only the counts of single
// tasks, which perf does not know, are missing.
TEST_F(Recorder, PerfTellsWhatBpfTells) {
  if (const auto source = make_perf_source(1_MiB); !source) {
    GTEST_SKIP() << "needs perf tracepoints: " << source.error().line();
  }
  RecordOptions all = options({"/bin/sh", "-c", "/bin/true; /bin/ls / | cat > /dev/null"});
  run(all);
  const Recording by_bpf = load();
  all.force_tier = trace::Tier::kPerf;
  const RecordOutcome outcome = run(all);
  const Recording by_perf = load();
  EXPECT_EQ(outcome.tier, trace::Tier::kPerf);
  EXPECT_EQ(by_perf.header.tier, trace::Tier::kPerf);
  EXPECT_EQ(outcome.summary.lost_events, 0U);
  for (const Kind kind : {Kind::kSyscall, Kind::kFork, Kind::kExec, Kind::kVma, Kind::kExit, Kind::kMmGone}) {
    EXPECT_EQ(std::ranges::count(by_perf.events, kind, &Event::kind),
              std::ranges::count(by_bpf.events, kind, &Event::kind))
        << static_cast<int>(kind);
  }
  const auto execs = [](const Recording& recording) {
    std::vector<std::string> names;
    for (const Event& e : recording.events) {
      if (e.kind == Kind::kExec) names.push_back(e.text);
    }
    std::ranges::sort(names);
    return names;
  };
  EXPECT_EQ(execs(by_perf), execs(by_bpf));
  EXPECT_NEAR(static_cast<double>(by_perf.summary->touches), static_cast<double>(by_bpf.summary->touches),
              20);
  EXPECT_NEAR(static_cast<double>(by_perf.summary->min_flt), static_cast<double>(by_bpf.summary->min_flt),
              20);
}

// Directions and the kernel's touches are told apart here too.
TEST_F(Recorder, PerfTellsTheKindsOfTouchesApart) {
  RecordOptions all = options(target("touches"));
  all.force_tier = trace::Tier::kPerf;
  const auto outcome = record(all);
  if (!outcome && outcome.error().kind == Diagnostic::Kind::kPrivilege) {
    GTEST_SKIP() << "needs perf tracepoints: " << outcome.error().line();
  }
  ASSERT_TRUE(outcome.has_value()) << outcome.error().line();
  const Recording recording = load();
  const VirtRange read_then_written = mapping_of(recording, 101);
  EXPECT_EQ(touches_in(recording, read_then_written, 0), 101U);
  EXPECT_EQ(touches_in(recording, read_then_written, TouchBits::kWrite | TouchBits::kPresent), 101U);
  EXPECT_EQ(touches_in(recording, mapping_of(recording, 103), TouchBits::kWrite | TouchBits::kKernel), 103U);
}

// Without privilege the calls, tasks and mappings are the same; touches say
// where, but not which way.
TEST_F(Recorder, UnprivilegedSeesCallsAndPlaces) {
  RecordOptions all = options({"/bin/sh", "-c", "/bin/true; /bin/ls / | cat > /dev/null"});
  run(all);
  const Recording by_bpf = load();
  all.force_tier = trace::Tier::kUnprivileged;
  run(all);
  const Recording recording = load();
  EXPECT_EQ(recording.header.tier, trace::Tier::kUnprivileged);
  for (const Kind kind : {Kind::kSyscall, Kind::kFork, Kind::kExec, Kind::kVma, Kind::kExit, Kind::kMmGone}) {
    EXPECT_EQ(std::ranges::count(recording.events, kind, &Event::kind),
              std::ranges::count(by_bpf.events, kind, &Event::kind))
        << static_cast<int>(kind);
  }
  for (const Event& e : recording.events) {
    if (e.kind == Kind::kTouch) {
      EXPECT_EQ(e.flags, TouchBits::kNoDirection);
    }
  }
  run([&] {
    all.command = target("touches");
    return all;
  }());
  const Recording touches = load();
  EXPECT_EQ(touches_in(touches, mapping_of(touches, 101), TouchBits::kNoDirection), 202U);
  EXPECT_EQ(touches_in(touches, mapping_of(touches, 103), TouchBits::kNoDirection), 0U);
}

// Threads and forks under the tracer, to the end and with their status.
TEST_F(Recorder, UnprivilegedFollowsThreadsAndStatus) {
  RecordOptions all = options(target("daemon"));
  all.force_tier = trace::Tier::kUnprivileged;
  EXPECT_EQ(WEXITSTATUS(run(all).wait_status), 9);
  const Recording daemon = load();
  EXPECT_EQ(touches_in(daemon, mapping_of(daemon, 211), TouchBits::kNoDirection), 211U);
  all.command = target("threads");
  const RecordOutcome outcome = run(all);
  EXPECT_EQ(outcome.wait_status, 0);
  EXPECT_EQ(outcome.summary.tasks, 1U + 20 * 5);
}

// Who may do less gets less, and is told what and why.
TEST_F(Recorder, RecordsForAUserWithoutPrivilege) {
  constexpr uid_t kNobody = 65534;
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  ASSERT_EQ(chown(folder.c_str(), kNobody, kNobody), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(9);
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) _exit(9);  // which a change of user takes away
    RecordOptions all = options({"/bin/true"});
    all.force_tier.reset();
    const auto outcome = record(all);
    if (!outcome) _exit(outcome.error().kind == Diagnostic::Kind::kPrivilege ? 77 : 8);
    _exit(outcome->tier == trace::Tier::kUnprivileged && outcome->notes.size() == 2 ? 0 : 7);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this host lets other users record nothing";
  ASSERT_EQ(status, 0);
  const Recording recording = load();
  EXPECT_EQ(recording.header.tier, trace::Tier::kUnprivileged);
  EXPECT_FALSE(recording.header.lacks.empty());
  EXPECT_GT(recording.summary->touches, 20U);
}

// A recorder in a process of its own, and pipes its target knows by number.
struct Line {
  Line() {
    if (pipe(ends) != 0) std::abort();
  }
  ~Line() {
    close(ends[0]);
    close(ends[1]);
  }
  [[nodiscard]] bool heard() const {
    char byte = 0;
    return read(ends[0], &byte, 1) == 1;
  }
  void say() const { ASSERT_EQ(write(ends[1], "!", 1), 1); }
  int ends[2];
};

pid_t record_apart(const RecordOptions& all) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const auto outcome = record(all);
  _exit(outcome ? WEXITSTATUS(outcome->wait_status) : 1);
}

// A signal sent to the recorder alone reaches the target, whose answer is the
// recorder's; the file is whole.
TEST_F(Recorder, ForwardsASignalAndFinishesTheFile) {
  const Line ready;
  const pid_t recorder = record_apart(options(target("terminated", {std::to_string(ready.ends[1])})));
  ASSERT_TRUE(ready.heard());
  ASSERT_EQ(kill(recorder, SIGTERM), 0);
  int status = 0;
  ASSERT_EQ(waitpid(recorder, &status, 0), recorder);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  const Recording recording = load();
  ASSERT_TRUE(recording.summary.has_value());
  EXPECT_FALSE(recording.summary->interrupted);
}

// What each way of watching must hold to.
class RecorderTiers : public Recorder, public testing::WithParamInterface<trace::Tier> {
 protected:
  [[nodiscard]] RecordOptions of_tier(std::vector<std::string> command) const {
    RecordOptions all = options(std::move(command));
    all.force_tier = GetParam();
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(All, RecorderTiers,
                         testing::Values(trace::Tier::kBpf, trace::Tier::kPerf, trace::Tier::kUnprivileged),
                         [](const auto& tier) { return std::string(trace::tier_name(tier.param)); });

// The second request ends the recording, cleanly and marked; the target, which
// does not answer, lives on unharmed.
TEST_P(RecorderTiers, EndsTheRecordingAtTheSecondRequest) {
  const Line ready;
  const Line go;
  const Line done;
  const pid_t recorder = record_apart(options(
      {"/bin/sh", "-c", "trap '' INT TERM; exec \"$@\"", "sh", target("")[0], "--as-target", "survivor",
       std::to_string(ready.ends[1]), std::to_string(go.ends[0]), std::to_string(done.ends[1])}));
  ASSERT_TRUE(ready.heard());
  // Two of one kind could arrive as one.
  ASSERT_EQ(kill(recorder, SIGINT), 0);
  ASSERT_EQ(kill(recorder, SIGTERM), 0);
  ASSERT_EQ(waitpid(recorder, nullptr, 0), recorder);
  const Recording recording = load();
  ASSERT_TRUE(recording.summary.has_value());
  EXPECT_TRUE(recording.summary->interrupted);
  go.say();
  EXPECT_TRUE(done.heard());
}

// The recorder is killed: the target goes on, and what was on disk reads.
TEST_P(RecorderTiers, DoesNotHarmTheTargetWhenKilled) {
  const Line ready;
  const Line go;
  const Line done;
  const pid_t recorder =
      record_apart(of_tier(target("survivor", {std::to_string(ready.ends[1]), std::to_string(go.ends[0]),
                                               std::to_string(done.ends[1])})));
  ASSERT_TRUE(ready.heard());
  ASSERT_EQ(kill(recorder, SIGKILL), 0);
  ASSERT_EQ(waitpid(recorder, nullptr, 0), recorder);
  go.say();
  EXPECT_TRUE(done.heard());
  EXPECT_TRUE(load().truncated);
}

}  // namespace
}  // namespace quire::record
