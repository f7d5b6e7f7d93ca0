#include "lab/calibrate.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <vector>

#include "base/check.h"
#include "base/size.h"
#include "cost/median.h"
#include "lab/live_work.h"
#include "live/settings_guard.h"
#include "live/zram.h"
#include "policy/parse.h"

namespace quire::lab {
namespace {

using cost::Profile;
using cost::SizedWork;
using cost::Time;
using cost::Work;

// Of each kind of work, one sample a round.
struct Samples {
  std::array<std::array<std::vector<double>, kOrderPmd.raw() + 1>, cost::kSizedWorks> sized;
  std::array<std::vector<double>, cost::kWorks> plain;
  bool swap = false;  // whether there is a device for it
};

policy::Settings only(Order order) {
  const std::string words = order == kOrder0
                                ? std::string("4K")
                                : fmt::format("thp_anon={}:madvise", base::short_size(order.bytes()));
  auto settings = policy::parse_policy(words);
  QUIRE_CHECK(settings.has_value());
  return *settings;
}

void measure_sizes(Order order, ByteCount arena, Samples& samples) {
  for (std::size_t i = 0; i < cost::kSizedWorks; ++i) {
    const auto work = static_cast<SizedWork>(i);
    if (work == SizedWork::kSplit && order == kOrder0) continue;
    if (const auto ns = measure(work, order, arena)) samples.sized[i][order.raw()].push_back(*ns);
  }
}

// The settings that a kind of work needs.
Order needs(Work work) {
  if (work == Work::kSplitPmd) return kOrderPmd;
  return cost::may_be_missing(work) ? Order(4) : kOrder0;
}

// A zram device before all others, until the guard restores.
Result<void, Diagnostic> add_swap(live::SettingsGuard& guard, ByteCount size) {
  constexpr int kBeforeAll = 32767;
  const unsigned number = QUIRE_TRY(guard.add_zram());
  QUIRE_TRY(live::format_zram(number, "lz4", size));
  return live::swap_on(number, kBeforeAll);
}

void measure_plain(Order order, ByteCount arena, Samples& samples) {
  for (std::size_t i = 0; i < cost::kWorks; ++i) {
    const auto work = static_cast<Work>(i);
    if (needs(work) != order || (cost::may_be_missing(work) && !samples.swap)) continue;
    if (const auto ns = measure(work, arena)) samples.plain[i].push_back(*ns);
  }
}

Result<void, Diagnostic> measure_round(live::SettingsGuard& guard, ByteCount arena, Samples& samples) {
  for (unsigned o = 0; o <= kOrderPmd.raw(); ++o) {
    if (o == 1) continue;
    QUIRE_TRY(guard.apply(only(Order(o))));
    measure_sizes(Order(o), arena, samples);
    measure_plain(Order(o), arena, samples);
  }
  return {};
}

Result<Time, Diagnostic> settled(const std::vector<double>& samples, const std::string& what) {
  if (samples.size() >= cost::kFewestSamples) return cost::median_of(samples);
  return fail(Diagnostic{Diagnostic::Kind::kFailure, "calibrate",
                         fmt::format("{}: the kernel did it in {} rounds only, expected {} at least", what,
                                     samples.size(), cost::kFewestSamples),
                         "memory may be fragmented: stop other programs, or try more --rounds"});
}

Result<void, Diagnostic> fill(Profile& profile, const Samples& samples) {
  for (std::size_t i = 0; i < cost::kWorks; ++i) {
    const auto work = static_cast<Work>(i);
    if (cost::may_be_missing(work) && !samples.swap) continue;
    profile.of(work) = QUIRE_TRY(settled(samples.plain[i], std::string(name_of(work))));
  }
  for (std::size_t i = 0; i < cost::kSizedWorks; ++i) {
    const auto work = static_cast<SizedWork>(i);
    for (unsigned o = 0; o <= kOrderPmd.raw(); ++o) {
      if (o == 1 || (o == 0 && work == SizedWork::kSplit)) continue;
      profile.sized[i][o] = QUIRE_TRY(settled(
          samples.sized[i][o], fmt::format("{} of {}", name_of(work), base::short_size(Order(o).bytes()))));
    }
  }
  return {};
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  return "unknown";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  ::gmtime_r(&now, &day);
  return fmt::format("{:04}-{:02}-{:02}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}

}  // namespace

Result<Profile, Diagnostic> calibrate(const CalibrateOptions& options, const CalibrateProgress& progress) {
  utsname host{};
  ::uname(&host);
  Profile profile{.name = options.name, .cpu = cpu_name(), .kernel = host.release, .date = today()};
  profile.rounds = options.rounds;
  Samples samples;
  {
    live::SettingsGuard guard = QUIRE_TRY(live::SettingsGuard::hold());
    (void)QUIRE_TRY(guard.keep_free_pages());
    // A kernel without zram has no price of swap; all else can be had.
    samples.swap = add_swap(guard, ByteCount(options.arena.raw() * 2)).has_value();
    for (unsigned round = 0; round < options.rounds; ++round) {
      QUIRE_TRY(measure_round(guard, options.arena, samples));
      if (progress) progress(round + 1);
    }
    (void)QUIRE_TRY(guard.restore());
  }
  QUIRE_TRY(fill(profile, samples));
  return profile;
}

}  // namespace quire::lab
