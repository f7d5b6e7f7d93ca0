#include "lab/phone_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "lab/phone_app.h"
#include "trace/contents.h"
#include "trace/writer.h"

namespace quire::lab {
namespace {

using trace::Event;
using trace::Kind;

constexpr std::uint64_t kSecond = 1'000'000;
// What is mapped when the first process begins: its program and its stack.
constexpr std::uint64_t kText = 0x400000;
constexpr std::uint64_t kStackEnd = 0x7fff'ffff'f000;
constexpr std::uint64_t kStackBytes = 132 << 10;
constexpr std::uint64_t kCloneFlags = 0x1200011;  // CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD

// How well Android's anonymous pages compress: the means are the published ones
// (docs/reference/phone-day.md), and the shape round them is chosen.
struct Compresses {
  trace::ContentsCodec codec;
  std::array<double, 3> ratio;  // at 4, 16, 64 KiB
};
constexpr std::array<Compresses, 2> kCompresses{{
    {trace::ContentsCodec::kLz4, {2.90, 3.25, 3.50}},
    {trace::ContentsCodec::kZstd, {4.25, 4.80, 5.25}},
}};
constexpr std::uint64_t kSampledPages = 16'000;
constexpr unsigned kZeroPercent = 4;
constexpr unsigned kNoisePercent = 3;  // of units that do not compress

// Units whose stored bytes come to size / ratio: some nothing, some everything, the others
// evenly from half to three halves of what is left for them.
void fill(trace::UnitSizes& sizes, std::uint64_t unit, double ratio, std::uint64_t units) {
  const std::uint64_t zero = units * kZeroPercent / 100;
  const std::uint64_t whole = units * kNoisePercent / 100;
  const std::uint64_t rest = units - zero - whole;
  const double bytes = static_cast<double>(units * unit) / ratio - static_cast<double>(whole * unit + zero);
  const double mean = bytes / static_cast<double>(rest);
  for (std::uint64_t i = 0; i < zero; ++i) sizes.add(1, unit);
  for (std::uint64_t i = 0; i < whole; ++i) sizes.add(unit, unit);
  for (std::uint64_t i = 0; i < rest; ++i) {
    const double place = 0.5 + static_cast<double>(i) / static_cast<double>(rest);
    sizes.add(static_cast<std::uint64_t>(mean * place), unit);
  }
}

trace::ContentsSample contents(trace::MmId mm, std::uint64_t time_us, const PhoneArea& area) {
  trace::MappingContents mapping{.first_page = area.first_page,
                                 .pages = std::max<std::uint64_t>(area.mapped, kSampledPages),
                                 .kind = trace::MappingKind::kAnonymous,
                                 .present = kSampledPages,
                                 .sampled = kSampledPages,
                                 .zero = kSampledPages * kZeroPercent / 100,
                                 .same = kSampledPages * kZeroPercent / 100};
  for (const Compresses& c : kCompresses) {
    for (std::size_t unit = 0; unit < trace::kContentsUnits.size(); ++unit) {
      const std::uint64_t bytes = trace::kContentsUnits[unit];
      fill(mapping.of(c.codec, unit), bytes, c.ratio[unit], kSampledPages * 4096 / bytes);
    }
  }
  return {.time_us = time_us, .mm = mm, .mappings = {mapping}};
}

// Makes the day, event by event.
//
// States      : begin() -> any number of hours -> end()
// Invariants  : I-DAY-1 at most most_alive apps are alive
class Day {
 public:
  Day(const PhoneDayOptions& options, trace::Writer& writer)
      : options_(options), model_(options.model), writer_(writer), rng_(options.seed) {}

  Result<PhoneDayCounts, Diagnostic> run() {
    begin();
    const std::uint64_t sessions = std::uint64_t{options_.hours} * model_.sessions_per_hour;
    const std::uint64_t apart = 3600 * kSecond / model_.sessions_per_hour;
    for (std::uint64_t i = 0; i < sessions && !failure_; ++i) {
      now_ = std::max(now_, i * apart + rng_.below(apart / 2));
      session(pick());
    }
    end();
    if (failure_) return fail(*failure_);
    return counts_;
  }
  [[nodiscard]] std::uint64_t min_flt() const { return min_flt_; }
  [[nodiscard]] std::uint64_t tasks() const { return last_task_; }

 private:
  struct App {
    std::uint64_t pages = 0;
    unsigned growth = 0;
    std::optional<PhoneApp> process;
    std::uint64_t used_us = 0;  // last in front
    std::uint64_t woke_us = 0;
    std::uint64_t grown = 0;  // since it was put aside last
  };

  void give(const Event& e) {
    if (failure_) return;
    ++counts_.events;
    if (e.kind == Kind::kTouch) ++counts_.touches;
    if (auto done = writer_.append(e); !done) failure_ = done.error();
  }
  PhoneMoment moment() {
    return {
        .time_us = now_, .sample = ++sample_, .window_us = std::uint64_t{model_.sample_every_s} * kSecond};
  }

  void exec() {
    Event e;
    e.kind = Kind::kExec;
    e.task = last_task_ = 1;
    e.mm = last_mm_ = 1;
    e.args = {0, 0x10000000, 0x10000000, kStackEnd - 0x1000, kStackEnd - 0x10, kStackEnd - 0x1000};
    e.result = static_cast<std::int64_t>(kStackEnd);
    e.text = "zygote64";
    give(e);
    using B = trace::VmaBits;
    for (const auto& [begin, end, flags] :
         {std::tuple{kText, kText + 0x100000, B::kRead | B::kWrite | B::kAccount},
          std::tuple{kStackEnd - kStackBytes, kStackEnd,
                     B::kRead | B::kWrite | B::kGrowsDown | B::kStack | B::kAccount}}) {
      Event vma;
      vma.kind = Kind::kVma;
      vma.task = vma.mm = 1;
      vma.args = {begin, end, flags, 0, 0, 0};
      give(vma);
    }
  }

  PhoneApp fork_from(PhoneApp& parent) {
    Event e;
    e.kind = Kind::kFork;
    e.task = parent.task();
    e.mm = parent.mm();
    e.time_us = now_;
    e.args = {++last_task_, ++last_mm_, kCloneFlags, 0, 0, 0};
    give(e);
    return parent.fork(last_task_, last_mm_, rng_.next());
  }

  // The first process, the system server, and the list of apps by popularity.
  void begin() {
    exec();
    zygote_.emplace(model_, 1, 1, rng_.next(), [this](const Event& e) { give(e); });
    zygote_->grow(model_.zygote_pages, moment());
    server_.emplace(fork_from(*zygote_));
    server_->copy_shared(model_.zygote_written_percent, moment());
    server_->grow(model_.server_pages, moment());
    if (auto done = writer_.append_contents(contents(1, now_, zygote_->areas()[0])); !done)
      failure_ = done.error();
    for (const PhoneApps& kind : model_.apps) {
      for (unsigned i = 0; i < kind.count; ++i) apps_.push_back({kind.pages, kind.growth, std::nullopt});
    }
    for (std::size_t i = apps_.size(); i > 1; --i) std::swap(apps_[i - 1], apps_[rng_.below(i)]);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < apps_.size(); ++i) {
      const double weight =
          std::pow(static_cast<double>(i + 1), -static_cast<double>(model_.zipf_percent) / 100.0);
      sum += static_cast<std::uint64_t>(weight * 1e6);
      up_to_.push_back(sum);
    }
  }

  App& pick() {
    const std::uint64_t at = rng_.below(up_to_.back());
    return apps_[static_cast<std::size_t>(std::ranges::upper_bound(up_to_, at) - up_to_.begin())];
  }

  void session(App& app) {
    if (app.process) {
      ++counts_.reopenings;
      use(*app.process, 100, model_.cold_used_percent);
    } else {
      start(app);
    }
    const std::uint64_t length =
        model_.shortest_session_s + rng_.below(model_.longest_session_s - model_.shortest_session_s);
    for (std::uint64_t s = 0; s < length && !failure_; s += model_.sample_every_s) {
      now_ += model_.sample_every_s * kSecond;
      use(*app.process, model_.hot_used_percent, 0);
      use(*server_, model_.hot_used_percent / 2, 0);
      const std::uint64_t more = std::uint64_t{app.growth} * model_.sample_every_s / 60;
      app.process->grow(more, moment());
      app.grown += more;
      wake_others(app);
    }
    put_aside(app);
  }

  void use(PhoneApp& process, unsigned hot, unsigned cold) {
    counts_.accessed_pages += process.use(hot, cold, moment());
  }

  void start(App& app) {
    ++counts_.cold_starts;
    make_room();
    app.process.emplace(fork_from(*zygote_));
    app.process->copy_shared(model_.zygote_written_percent, moment());
    app.process->grow(app.pages, moment());
    app.woke_us = now_;
  }

  void put_aside(App& app) {
    app.process->give_back(std::exchange(app.grown, 0) * model_.released_percent / 100, moment());
    app.used_us = app.woke_us = now_;
  }

  // What was put aside does a little now and then.
  void wake_others(const App& in_front) {
    for (App& app : apps_) {
      if (!app.process || &app == &in_front || now_ - app.woke_us < model_.background_every_s * kSecond)
        continue;
      app.woke_us = now_;
      use(*app.process, model_.background_percent, 0);
    }
  }

  void make_room() {
    std::uint64_t alive = 0;
    App* oldest = nullptr;
    for (App& app : apps_) {
      if (!app.process) continue;
      ++alive;
      if (oldest == nullptr || app.used_us < oldest->used_us) oldest = &app;
    }
    if (alive < model_.most_alive) return;
    kill(*oldest);
    ++counts_.kills;
  }

  void kill(App& app) {
    app.process->exit(moment());
    min_flt_ += app.process->touches();
    app.process.reset();
  }

  void end() {
    for (App& app : apps_) {
      if (app.process) kill(app);
    }
    for (std::optional<PhoneApp>* process : {&server_, &zygote_}) {
      (*process)->exit(moment());
      min_flt_ += (*process)->touches();
    }
  }

  const PhoneDayOptions& options_;
  const PhoneModel& model_;
  trace::Writer& writer_;
  base::Rng rng_;
  std::optional<PhoneApp> zygote_;
  std::optional<PhoneApp> server_;
  std::vector<App> apps_;             // the most popular first
  std::vector<std::uint64_t> up_to_;  // popularity of this app and those before
  std::uint64_t now_ = 0;
  std::uint64_t sample_ = 0;
  trace::TaskId last_task_ = 0;
  trace::MmId last_mm_ = 0;
  std::uint64_t min_flt_ = 0;
  PhoneDayCounts counts_;
  std::optional<Diagnostic> failure_;
};

trace::Header header_of(const PhoneDayOptions& options) {
  trace::Header header;
  header.format_version = trace::kFormatVersion;
  header.tier = trace::Tier::kImported;
  header.imported_from = "generate phone-day";
  header.tool_version = "0.1.0";
  header.lacks = {"everything in it was made by a model: no program ran"};
  header.kernel_release = "none";
  header.machine = "model";
  header.cpus = 1;
  header.ram_bytes = 4ULL << 30;
  header.argv = {"phone-day", fmt::format("--seed={}", options.seed),
                 fmt::format("--hours={}", options.hours)};
  header.rlimits["stack"] = {8ULL << 20, 8ULL << 20};
  header.thp_disabled_while_recording = true;
  return header;
}

}  // namespace

Result<PhoneDayCounts, Diagnostic> generate_phone_day(const std::string& file,
                                                      const PhoneDayOptions& options) {
  if (options.hours == 0 || options.hours > 168) {
    return fail(
        Diagnostic{Diagnostic::Kind::kUsage, "generate: --hours", "a day has 1 to 168 hours here", ""});
  }
  trace::Writer writer = QUIRE_TRY(trace::Writer::create(file, header_of(options)));
  Day day(options, writer);
  const PhoneDayCounts counts = QUIRE_TRY(day.run());
  trace::Summary summary;
  summary.touches = counts.touches;
  summary.min_flt = day.min_flt();
  summary.tasks = day.tasks();
  QUIRE_TRY(writer.finish(summary));
  return counts;
}

}  // namespace quire::lab
