#include "record/recorder.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "live/launch.h"
#include "live/unique_fd.h"
#include "record/accessed_clearer.h"
#include "record/contents_sampler.h"
#include "record/describe_host.h"
#include "record/perf_pipeline.h"
#include "record/probe.h"
#include "record/scrub.h"
#include "record/signals.h"
#include "record/source.h"
#include "record/translate.h"
#include "trace/writer.h"

namespace quire::record {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often the source is looked at. At two million touches a second the ring
// of 128 MiB lasts for two seconds.
constexpr milliseconds kTick{20};
// What a kill of the recorder may cost.
constexpr milliseconds kFlushEvery{1000};
// How long the address spaces of the last tasks may take to go.
constexpr milliseconds kLastMms{2000};

std::uint64_t nanoseconds(const timeval& t) {
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_usec) * 1000U;
}

// Appends to the file. After a failed write the events are dropped, the target
// runs on, and the error is told at the end.
class FileSink final : public EventSink {
 public:
  explicit FileSink(trace::Writer writer) : writer_(std::move(writer)) {}

  void take(const trace::Event& event) override {
    if (error_) return;
    note(writer_.append(event));
    ++since_flush_;
  }
  void flush_if_due() {
    if (error_ || since_flush_ == 0 || Clock::now() - flushed_ < kFlushEvery) return;
    note(writer_.flush_chunk());
    flushed_ = Clock::now();
    since_flush_ = 0;
  }
  void take(const trace::ContentsSample& sample) {
    if (!error_) note(writer_.append_contents(sample));
  }
  [[nodiscard]] Result<void, Diagnostic> finish(const trace::Summary& summary) {
    if (error_) return fail(*error_);
    return writer_.finish(summary);
  }

 private:
  void note(Result<void, Diagnostic> done) {
    if (!done) error_ = std::move(done.error());
  }

  trace::Writer writer_;
  std::optional<Diagnostic> error_;
  std::uint64_t since_flush_ = 0;
  Clock::time_point flushed_ = Clock::now();
};

// Looks at accessed bits every `pause`, and clears them when that is cheap.
class HotnessWatch {
 public:
  HotnessWatch(Source& source, Translator& translator, std::uint32_t ms)
      : source_(source), translator_(translator), pause_(ms), next_(Clock::now() + pause_) {}

  [[nodiscard]] bool on() const { return pause_.count() != 0; }
  [[nodiscard]] bool due(Clock::time_point now) const { return on() && now >= next_; }
  [[nodiscard]] milliseconds left(Clock::time_point now) const {
    return std::chrono::ceil<milliseconds>(std::max(next_ - now, Clock::duration{}));
  }
  template <typename Drain>
  void look(Drain drain) {
    const auto begin = Clock::now();
    source_.look_at_accessed(++samples_);
    looking_ += Clock::now() - begin;
    drain();
    if (clearer_.due(Clock::now())) {
      std::vector<pid_t> pids;
      for (const std::uint32_t pid : translator_.sampled_pids()) pids.push_back(static_cast<pid_t>(pid));
      clearer_.clear(pids);
      translator_.accessed_cleared(monotonic_now_ns());
    }
    next_ = begin + pause_;
  }
  [[nodiscard]] std::vector<std::string> notes() const {
    if (!on()) return {};
    const auto in_ms = [](Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    std::vector<std::string> notes{fmt::format("--hotness: {} looks took {:.1f} ms, {} clearings {:.1f} ms",
                                               samples_, in_ms(looking_), clearer_.times(),
                                               in_ms(clearer_.spent()))};
    if (clearer_.refusals() != 0) {
      notes.push_back(
          fmt::format("--hotness: {} processes would not have their bits cleared: their pages are told "
                      "once only",
                      clearer_.refusals()));
    }
    return notes;
  }

 private:
  Source& source_;
  Translator& translator_;
  milliseconds pause_;
  Clock::time_point next_;
  Clock::duration looking_{};
  std::uint64_t samples_ = 0;
  AccessedClearer clearer_;
};

// What is watched besides events.
struct Watches {
  HotnessWatch hotness;
  std::optional<ContentsSampler> contents;
};

// The run of one target, from its exec to the end of its last task.
class Run {
 public:
  Run(Source& source, Translator& translator, FileSink& sink, SignalInbox& inbox, Watches& watches,
      pid_t root)
      : source_(source),
        translator_(translator),
        sink_(sink),
        inbox_(inbox),
        watches_(watches),
        root_(root),
        pidfd_(static_cast<int>(syscall(SYS_pidfd_open, root, 0))) {}

  void until_done() {
    while (!done()) tick();
    const auto deadline = Clock::now() + kLastMms;
    while (!interrupted_ && translator_.open_mms() != 0 && Clock::now() < deadline) tick();
    source_.drain_all([this](std::span<const std::byte> record) { translator_.feed(record); });
  }

  // For a target that could not become the program, and ends.
  void until_root_gone() {
    while (!root_gone_) tick();
  }

  void drain() {
    source_.drain([this](std::span<const std::byte> record) { translator_.feed(record); });
  }

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const rusage& usage() const { return usage_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  [[nodiscard]] bool done() const { return interrupted_ || (root_gone_ && source_.alive() == 0); }

  void tick() {
    pollfd wanted[] = {{inbox_.fd(), POLLIN, 0}, {root_gone_ ? -1 : pidfd_.get(), POLLIN, 0}};
    const milliseconds wait =
        watches_.hotness.on() ? std::min(kTick, watches_.hotness.left(Clock::now())) : kTick;
    poll(wanted, 2, static_cast<int>(wait.count()));
    while (const auto arrived = inbox_.next()) answer(*arrived);
    drain();
    if (watches_.hotness.due(Clock::now())) watches_.hotness.look([this] { drain(); });
    if (watches_.contents && translator_.program_began()) look_at_contents();
    if (!root_gone_) root_gone_ = source_.root_ended(root_, status_, usage_);
    sink_.flush_if_due();
  }

  void look_at_contents() {
    const std::uint64_t time_us = (monotonic_now_ns() - translator_.start_ns()) / 1000;
    for (const auto& sample : watches_.contents->look(translator_.processes(), time_us)) sink_.take(sample);
  }

  // The target gets what we get, unless the terminal has sent it to both. With
  // the target gone, or at the second request, it is the recording that ends.
  void answer(const ArrivedSignal& arrived) {
    if (arrived.number == SIGCHLD) return;  // it has woken us: that was all
    const bool asks_to_end = arrived.number == SIGINT || arrived.number == SIGTERM;
    if (asks_to_end) ++requests_;
    if (root_gone_ || requests_ > 1) {
      interrupted_ = true;
      status_ = root_gone_ ? status_ : arrived.number;
      return;
    }
    if (arrived.sender == Sender::kProcess) kill(root_, arrived.number);
  }

  Source& source_;
  Translator& translator_;
  FileSink& sink_;
  SignalInbox& inbox_;
  Watches& watches_;
  pid_t root_;
  live::UniqueFd pidfd_;
  int status_ = 0;
  rusage usage_{};
  bool root_gone_ = false;
  bool interrupted_ = false;
  int requests_ = 0;
};

trace::Summary summarise(const Run& run, const Translator& translator, const Source& source) {
  const Totals& totals = translator.totals();
  trace::Summary summary;
  summary.lost_events = source.lost() + totals.strays;
  summary.touches = totals.touches;
  summary.min_flt = totals.min_flt;
  summary.maj_flt = totals.maj_flt;
  if (source.task_counts() == Source::TaskCounts::kTreeOnly) {
    const auto since = [](long all, std::uint64_t before) {
      const auto n = static_cast<std::uint64_t>(all);
      return n - std::min(n, before);
    };
    summary.min_flt = since(run.usage().ru_minflt, totals.before_min);
    summary.maj_flt = since(run.usage().ru_majflt, totals.before_maj);
  }
  summary.tasks = totals.tasks;
  summary.exit_status = run.status();
  summary.interrupted = run.interrupted();
  summary.cpu_user_ns = nanoseconds(run.usage().ru_utime);
  summary.cpu_sys_ns = nanoseconds(run.usage().ru_stime);
  return summary;
}

RecordOutcome not_run(const std::string& command, int error) {
  RecordOutcome outcome;
  outcome.wait_status = W_EXITCODE(live::status_of_failed_exec(error), 0);
  outcome.notes.push_back(fmt::format("cannot run '{}': {}", command, std::strerror(error)));
  return outcome;
}

void explain(RecordOutcome& outcome, const Totals& totals, const Source& source) {
  const auto note = [&](std::string text) { outcome.notes.push_back(std::move(text)); };
  for (std::string& text : source.notes()) note(std::move(text));
  if (outcome.summary.lost_events != 0) note(fmt::format("{} events were lost", outcome.summary.lost_events));
  if (outcome.summary.interrupted) {
    note(fmt::format("the recording was ended before {} of its tasks", totals.tasks - totals.gone));
  }
}

}  // namespace

Result<RecordOutcome, Diagnostic> record(const RecordOptions& options) {
  if (options.command.empty()) {
    return fail(Diagnostic{
        .kind = Diagnostic::Kind::kUsage, .where = {}, .what = "no command to record", .hint = {}});
  }
  // Asked before anything is made, so that a mistyped name costs no file.
  if (const auto program = live::find_program(options.command[0], std::getenv("PATH")); !program) {
    return not_run(options.command[0], program.error());
  }
  ProbedSource probed = QUIRE_TRY(probe(options));
  Source& source = *probed.source;

  const Scrubber scrubber = options.scrub == Scrub::kYes ? Scrubber::with_random_salt() : Scrubber();
  if (options.hotness_ms != 0) QUIRE_TRY(source.watch_accessed());
  std::optional<ContentsSampler> contents;
  if (options.contents == Contents::kCount) contents.emplace(QUIRE_TRY(ContentsSampler::create()));
  trace::Header header = describe_host(options);
  header.tier = source.tier();
  header.lacks = source.lacks();
  if (options.hotness_ms != 0) header.format_version = trace::kFormatVersion;
  scrubber.header(header);

  SignalInbox inbox;
  // Small pages only: with larger ones a first touch would hide its neighbours'.
  live::Launch target =
      QUIRE_TRY(live::Launch::start({.command = options.command,
                                     .aslr = options.aslr,
                                     .small_pages = true,
                                     .signal_mask = inbox.original_mask(),
                                     .prepare_child = [&source] { return source.prepare_child(); }}));
  QUIRE_TRY(source.follow(target.pid()));
  FileSink sink(QUIRE_TRY(trace::Writer::create(options.output, header)));
  Translator translator(sink, scrubber, monotonic_now_ns(), static_cast<std::uint32_t>(target.pid()));
  Watches watches{HotnessWatch(source, translator, options.hotness_ms), std::move(contents)};
  Run run(source, translator, sink, inbox, watches, target.pid());
  if (const auto refusal = target.go([&run] { run.drain(); }); refusal) {
    run.until_root_gone();
    unlink(options.output.c_str());
    return not_run(options.command[0], refusal->error);
  }
  run.until_done();
  translator.finish();

  RecordOutcome outcome;
  outcome.tier = source.tier();
  outcome.wait_status = run.status();
  outcome.summary = summarise(run, translator, source);
  outcome.notes = std::move(probed.refused);
  explain(outcome, translator.totals(), source);
  for (std::string& note : watches.hotness.notes()) outcome.notes.push_back(std::move(note));
  if (watches.contents) {
    for (std::string& note : watches.contents->notes()) outcome.notes.push_back(std::move(note));
  }
  QUIRE_TRY(sink.finish(outcome.summary));
  return outcome;
}

}  // namespace quire::record
