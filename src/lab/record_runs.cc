#include "lab/record_runs.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "lab/replay.h"
#include "lab/run_streams.h"
#include "live/tree_counter.h"
#include "record/recorder.h"
#include "trace/reader.h"
#include "trace/writer.h"

namespace quire::lab {
namespace {

Diagnostic failure(const std::string& where, std::string what, std::string hint = "") {
  return {.where = where, .what = std::move(what), .hint = std::move(hint)};
}

Diagnostic too_slow(const std::string& where) {
  return failure(where, "did not end in time", "give it more with --timeout");
}

// Nothing to do: a signal that arrives while the recorder is not yet, or no
// longer, listening shall not end this process.
void outlive(int /*signal*/) {}

class SignalHandler {
 public:
  explicit SignalHandler(int signal) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = &outlive;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, &before_);
  }
  SignalHandler(const SignalHandler&) = delete;
  SignalHandler& operator=(const SignalHandler&) = delete;
  ~SignalHandler() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

// Asks a recording to end when its time is over, in the recorder's own way: the
// first signal is for the target, the next one for the recording.
class Alarm {
 public:
  explicit Alarm(std::optional<std::chrono::milliseconds> after) {
    if (after) thread_ = std::jthread([this, after](std::stop_token stop) { wait(stop, *after); });
  }
  [[nodiscard]] bool rang() const { return rang_; }

 private:
  static constexpr std::chrono::seconds kGrace{2};

  void wait(const std::stop_token& stop, std::chrono::milliseconds after) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the recorder's
    for (auto time = after; !sleep(stop, time); time = kGrace) {
      rang_ = true;
      ::kill(::getpid(), SIGTERM);
    }
  }

  // True when there is no more need to wait.
  bool sleep(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, stop, time, [&stop] { return stop.stop_requested(); });
  }

  SignalHandler handler_{SIGTERM};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::atomic<bool> rang_ = false;
  std::jthread thread_;  // last: it uses the others
};

Result<std::filesystem::path, Diagnostic> make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "quire-verify-XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) return name;
  return fail(failure(name, fmt::format("cannot be made: {}", std::strerror(errno))));
}

Result<void, Diagnostic> warm_up(const RecordRunsOptions& options) {
  live::RunSpec spec;
  spec.command = options.command;
  spec.timeout = options.timeout;
  for (unsigned i = 0; i < options.warmups; ++i) {
    rewind_input();
    const live::TreeCounts counts = QUIRE_TRY(live::run_counted(spec));
    if (counts.timed_out) return fail(too_slow(options.command.front()));
  }
  return {};
}

Result<void, Diagnostic> mark_gate(const std::string& file) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(file));
  const trace::Gate gate = QUIRE_TRY(compute_gate(reader));
  return trace::write_gate(file, gate);
}

}  // namespace

Result<RecordedRuns, Diagnostic> RecordedRuns::make(const RecordRunsOptions& options) {
  QUIRE_TRY(warm_up(options));
  RecordedRuns runs;
  runs.folder_ = QUIRE_TRY(make_folder());
  for (unsigned i = 0; i < options.recordings; ++i) {
    QUIRE_TRY(runs.add(options, (runs.folder_ / fmt::format("{}.quire", i)).string()));
  }
  return runs;
}

Result<void, Diagnostic> RecordedRuns::add(const RecordRunsOptions& options, const std::string& file) {
  record::RecordOptions all;
  all.output = file;
  all.command = options.command;
  all.tool_version = options.tool_version;
  rewind_input();
  const Alarm alarm(options.timeout);
  const record::RecordOutcome outcome = QUIRE_TRY(record::record(all));
  const std::string& name = options.command.front();
  if (alarm.rang()) return fail(too_slow(name));
  if (outcome.summary.tasks == 0) {
    return fail(failure(name, outcome.notes.empty() ? "could not be run" : outcome.notes.front()));
  }
  if (outcome.summary.interrupted) return fail(failure(name, "the recording was interrupted"));
  notes_.insert(notes_.end(), outcome.notes.begin(), outcome.notes.end());
  files_.push_back(file);
  return mark_gate(file);
}

RecordedRuns::~RecordedRuns() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace quire::lab
