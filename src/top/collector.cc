#include "top/collector.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "live/process_list.h"

namespace quire::top {
namespace {

// Listing all processes takes at most this part of the budget: where there are
// very many, it is done less often.
constexpr double kListingPart = 0.5;

// At the start nothing is known of any process: looking may take this much once.
constexpr Time kCatchUp = std::chrono::seconds(1);

Time clock_now(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
}

Outside outside(Looks& looks) {
  return {.begin = [&looks](pid_t pid) { return looks.begin(pid); },
          .now = [] { return clock_now(CLOCK_MONOTONIC); },
          .cpu = [] { return clock_now(CLOCK_THREAD_CPUTIME_ID); }};
}

Time times(Time time, double factor) {
  return std::chrono::duration_cast<Time>(std::chrono::duration<double, std::nano>(time) * factor);
}

double ratio(Time part, Time whole) {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

double per_second(std::uint64_t now, std::uint64_t before, Time elapsed) {
  const std::uint64_t moved = now - std::min(now, before);
  return static_cast<double>(moved) / std::chrono::duration<double>(elapsed).count();
}

uid_t owner_of(pid_t pid) {
  struct stat info{};
  return ::stat(fmt::format("/proc/{}", pid).c_str(), &info) == 0 ? info.st_uid : 0;
}

std::string name_of_user(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return std::to_string(uid);
}

// Another number when it ran, faulted, or got larger or smaller.
std::uint64_t activity_of(const live::ProcessStat& stat) {
  return static_cast<std::uint64_t>(stat.cpu.count()) + stat.minor_faults + stat.major_faults +
         stat.resident.raw();
}

live::ThpState chosen_words() {
  live::ThpState settings = live::read_thp_state();
  for (auto& [file, text] : settings) text = live::chosen_word(text);
  return settings;
}

std::string name_of_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

Collector::Collector(Wanted wanted) : wanted_(std::move(wanted)), sampler_(outside(looks_)) {}

const std::string& Collector::user_name(uid_t uid) {
  const auto [entry, fresh] = users_.try_emplace(uid);
  if (fresh) entry->second = name_of_user(uid);
  return entry->second;
}

Result<std::vector<pid_t>, Diagnostic> Collector::pids() const {
  if (!wanted_.cgroup.empty()) return live::processes_of_cgroup(wanted_.cgroup);
  return wanted_.pids.empty() ? live::all_processes() : wanted_.pids;
}

Process Collector::process_of(live::ProcessStat stat, uid_t uid, Time now) {
  Process process;
  process.stat = std::move(stat);
  process.uid = uid;
  process.user = user_name(uid);
  const auto earlier = earlier_.find(process.stat.pid);
  if (earlier == earlier_.end() || earlier->second.stat.started != process.stat.started) return process;
  const auto& [before, at] = earlier->second;
  const Time elapsed = now - at;
  if (elapsed <= Time()) return process;
  process.minor_per_second = per_second(process.stat.minor_faults, before.minor_faults, elapsed);
  process.major_per_second = per_second(process.stat.major_faults, before.major_faults, elapsed);
  process.cpu_share = ratio(std::max(process.stat.cpu - before.cpu, Time()), elapsed);
  return process;
}

Result<void, Diagnostic> Collector::list(Time now) {
  if (now < list_again_) return {};
  const Time began = clock_now(CLOCK_THREAD_CPUTIME_ID);
  processes_.clear();
  std::map<pid_t, Earlier> seen;
  for (const pid_t pid : QUIRE_TRY(pids())) {
    auto stat = live::read_process_stat(pid);
    if (!stat || stat->of_kernel) continue;
    seen[pid] = {*stat, now};
    processes_.push_back(process_of(std::move(*stat), owner_of(pid), now));
  }
  earlier_ = std::move(seen);
  const Time took = clock_now(CLOCK_THREAD_CPUTIME_ID) - began;
  list_again_ = now + times(took, 1 / (wanted_.budget * kListingPart));
  return {};
}

std::vector<Candidate> Collector::candidates() const {
  std::vector<Candidate> candidates;
  for (const Process& process : processes_)
    candidates.push_back({process.stat.pid, process.stat.started, process.rss(), activity_of(process.stat)});
  return candidates;
}

void Collector::put_samples(Frame& frame) const {
  frame.cost.read = sampler_.finished();
  for (Process& process : frame.processes) {
    process.folios = sampler_.sample_of(process.stat.pid);
    if (process.folios) {
      frame.cost.oldest = std::max(frame.cost.oldest, frame.now.at - process.folios->at);
      continue;
    }
    process.no_folios = sampler_.reason_of(process.stat.pid);
    ++(sampler_.refused(process.stat.pid) ? frame.refused : frame.cost.waiting);
  }
}

Result<Frame, Diagnostic> Collector::read() {
  const Time now = clock_now(CLOCK_MONOTONIC);
  const Time cpu = clock_now(CLOCK_PROCESS_CPUTIME_ID);
  const bool is_first = first_.at == Time();
  QUIRE_TRY(list(now));
  Frame frame{.hostname = name_of_host(),
              .host = live::describe_host(),
              .wall = std::chrono::system_clock::now(),
              .interval = wanted_.interval,
              .now = {now, counters_.read()},
              .before = {},
              .first = {},
              .settings = chosen_words(),
              .sizes = live::anon_orders_of(),
              .memory = live::read_meminfo(),
              .free = live::read_buddyinfo(),
              .tier = looks_.tier(),
              .lost = looks_.lost(),
              .cost = {},
              .processes = processes_};
  if (is_first) first_ = last_ = frame.now;
  frame.before = std::exchange(last_, frame.now);
  frame.first = first_;
  frame.cost.cpu = cpu;
  frame.cost.budget = wanted_.budget;
  if (now > frame.before.at) frame.cost.cpu_share = ratio(cpu - last_cpu_, now - frame.before.at);
  last_cpu_ = cpu;
  put_samples(frame);
  looks_.forget();
  const Time budget = times(wanted_.interval, wanted_.budget);
  const Time at_start = std::min(wanted_.interval, kCatchUp);
  sampler_.begin_round(candidates(), is_first ? std::max(budget, at_start) : budget);
  return frame;
}

}  // namespace quire::top
