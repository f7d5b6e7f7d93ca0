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

// Those of 2 MiB need a host that gives it.
void measure_plain(bool huge, ByteCount arena, Samples& samples) {
  for (std::size_t i = 0; i < cost::kWorks; ++i) {
    const auto work = static_cast<Work>(i);
    if ((work == Work::kSplitPmd) != huge) continue;
    if (const auto ns = measure(work, arena)) samples.plain[i].push_back(*ns);
  }
}

Result<void, Diagnostic> measure_round(live::SettingsGuard& guard, ByteCount arena, Samples& samples) {
  for (unsigned o = 0; o <= kOrderPmd.raw(); ++o) {
    if (o == 1) continue;
    QUIRE_TRY(guard.apply(only(Order(o))));
    measure_sizes(Order(o), arena, samples);
    if (o == 0 || o == kOrderPmd.raw()) measure_plain(o != 0, arena, samples);
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
  for (std::size_t i = 0; i < cost::kWorks; ++i)
    profile.plain[i] = QUIRE_TRY(settled(samples.plain[i], std::string(name_of(static_cast<Work>(i)))));
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
