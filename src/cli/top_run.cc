#include "cli/top_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "live/file_ops.h"
#include "live/unique_fd.h"
#include "top/frame_json.h"
#include "top/openmetrics.h"
#include "top/screen.h"

namespace quire::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Event = top::Terminal::Event;

// Folios are looked at so long before a key is looked for.
constexpr top::Time kSlice = std::chrono::milliseconds(5);
// Rates need two readings: the second comes soon.
constexpr top::Time kFirstInterval = std::chrono::milliseconds(500);

// What happens next, at the latest at `deadline`; folios are looked at meanwhile.
Event next_event(top::Terminal& terminal, top::Collector& collector, Clock::time_point deadline,
                 top::View::Flag paused) {
  for (;;) {
    const auto left = std::chrono::duration_cast<top::Time>(deadline - Clock::now());
    if (left <= top::Time()) return {};
    const bool busy = paused == top::View::Flag::kOff && collector.look(kSlice) == top::Sampler::Work::kLeft;
    const Event event = terminal.wait(busy ? top::Time() : left);
    if (event.kind != Event::Kind::kNothing) return event;
  }
}

// As the signal would have ended it.
int die_of(int signal) {
  constexpr int kBySignal = 128;
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  return kBySignal + signal;
}

// One sitting at the screen.
class Sitting {
 public:
  Sitting(const TopPlan& plan, top::Terminal& terminal)
      : plan_(plan), terminal_(terminal), view_(plan.view), collector_(plan.wanted) {}

  // The signal that ended it; 0 for none.
  Result<int, Diagnostic> run() {
    QUIRE_TRY(read());
    deadline_ = Clock::now() + std::min(view_.interval, kFirstInterval);
    for (std::uint64_t rounds = 1;;) {
      const std::size_t page = show();
      const Event event = next_event(terminal_, collector_, deadline_, view_.paused);
      if (event.kind == Event::Kind::kSignal) return event.signal;
      if (event.kind == Event::Kind::kHangup) return SIGHUP;
      if (event.kind == Event::Kind::kKey && !react(top::press(view_, event.key, frame_, page))) return 0;
      if (Clock::now() < deadline_) continue;
      deadline_ = Clock::now() + view_.interval;
      if (view_.paused == top::View::Flag::kOn) continue;
      if (++rounds > plan_.rounds && plan_.rounds != 0) return 0;
      QUIRE_TRY(read());
    }
  }

 private:
  Result<void, Diagnostic> read() {
    frame_ = QUIRE_TRY(collector_.read());
    return {};
  }
  std::size_t show() {
    const top::Screen screen = top::draw(frame_, view_, terminal_.area());
    terminal_.show(screen);
    return screen.page;
  }
  // False: somebody wants to leave.
  bool react(top::Reaction reaction) {
    if (reaction == top::Reaction::kReadNow) deadline_ = Clock::now();
    if (reaction == top::Reaction::kNewInterval) {
      collector_.set_interval(view_.interval);
      deadline_ = std::min(deadline_, Clock::now() + view_.interval);
    }
    return reaction != top::Reaction::kQuit;
  }

  const TopPlan& plan_;
  top::Terminal& terminal_;
  top::View view_;
  top::Collector collector_;
  top::Frame frame_;
  Clock::time_point deadline_;
};

// Reads, looks, and reads again until all rounds are done. Each Frame that is shown
// has an interval behind it, so that it has rates and folios.
using Show = std::function<Result<void, Diagnostic>(const top::Frame&)>;

Result<int, Diagnostic> every_interval(const TopPlan& plan, const Show& show) {
  top::Collector collector(plan.wanted);
  QUIRE_TRY(collector.read());
  for (std::uint64_t round = 1; plan.rounds == 0 || round <= plan.rounds; ++round) {
    const auto deadline = Clock::now() + plan.wanted.interval;
    while (Clock::now() < deadline && collector.look(kSlice) == top::Sampler::Work::kLeft) {
    }
    std::this_thread::sleep_until(deadline);
    const top::Frame frame = QUIRE_TRY(collector.read());
    QUIRE_TRY(show(frame));
    // Whether the answer arrived is said by whoever called.
    if (std::fflush(stdout) != 0) return 0;
  }
  return 0;
}

// The whole file or the one before, never a part; readable by those who collect it.
Result<void, Diagnostic> publish(const std::string& file, const std::string& text) {
  const std::string fresh = file + ".new";  // a name no collector reads
  const auto failed = [&](const std::string& what) {
    return fail(
        Diagnostic{.where = file, .what = what + ": " + live::message_of(live::last_errc()), .hint = ""});
  };
  ::unlink(fresh.c_str());
  const live::UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.valid()) return failed("cannot be made");
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0) return failed("cannot be written");
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) return failed("cannot be put in place");
  return {};
}

Result<void, Diagnostic> write_metrics(const TopPlan& plan, const top::Frame& frame) {
  const std::string text = top::openmetrics(frame, plan.view, plan.processes);
  if (!plan.output.empty()) return publish(plan.output, text);
  fmt::print("{}", text);
  return {};
}

}  // namespace

Result<int, Diagnostic> top_on_screen(const TopPlan& plan) {
  int signal = 0;
  {
    const auto terminal = QUIRE_TRY(top::Terminal::open(plan.colour));
    signal = QUIRE_TRY(Sitting(plan, *terminal).run());
  }
  // The terminal is as it was. Ctrl-C is a way to leave.
  return signal == 0 || signal == SIGINT ? 0 : die_of(signal);
}

Result<int, Diagnostic> top_as_text(const TopPlan& plan) {
  bool first = true;
  return every_interval(plan, [&](const top::Frame& frame) -> Result<void, Diagnostic> {
    if (!std::exchange(first, false)) fmt::print("\n");
    for (const std::string& line : top::plain_lines(frame, plan.view, plan.columns)) fmt::print("{}\n", line);
    return {};
  });
}

Result<int, Diagnostic> top_as_json(const TopPlan& plan) {
  return every_interval(plan, [&](const top::Frame& frame) -> Result<void, Diagnostic> {
    using Json = nlohmann::ordered_json;
    const Json json = top::frame_json(frame, plan.view);
    fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
    return {};
  });
}

// Counters need one reading only; without processes the first one is written at once.
Result<int, Diagnostic> top_as_metrics(const TopPlan& plan) {
  const Show write = [&](const top::Frame& frame) { return write_metrics(plan, frame); };
  if (plan.rounds != 1) return every_interval(plan, write);
  top::Collector collector(plan.wanted);
  top::Frame frame = QUIRE_TRY(collector.read());
  if (plan.processes != 0) {
    while (collector.look(kSlice) == top::Sampler::Work::kLeft) {
    }
    frame = QUIRE_TRY(collector.read());
  }
  QUIRE_TRY(write(frame));
  return 0;
}

}  // namespace quire::cli
