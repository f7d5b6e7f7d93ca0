#include "oracle/khugepaged_nap.h"

#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "live/host.h"
#include "oracle/live_programs.h"

namespace quire::litmus {
namespace {

// A khugepaged that already sleeps does not look, and is not waited for longer.
constexpr auto kLongest = std::chrono::milliseconds(300);
constexpr auto kPatience = std::chrono::seconds(20);
constexpr auto kOnePass = std::chrono::milliseconds(40);
constexpr int kQuietSteps = 10;
constexpr auto kStep = std::chrono::milliseconds(2);

long long full_scans() {
  std::ifstream in(std::string(live::kThpRoot) + "/khugepaged/full_scans");
  long long n = 0;
  in >> n;
  return n;
}

// Of the daemon: whether it sleeps, and how often it has gone to sleep.
struct Daemon {
  bool sleeps = false;
  std::uint64_t naps = 0;
};

// Its folder in /proc; empty when there is none.
std::string find_daemon() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name;
    std::ifstream(entry.path() / "comm") >> name;
    if (name == "khugepaged") return entry.path().string();
  }
  return "";
}

Daemon look_at(const std::string& folder) {
  Daemon daemon;
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:")) daemon.sleeps = line.find('S', 6) != std::string::npos;
    if (line.starts_with("voluntary_ctxt_switches:"))
      daemon.naps = std::strtoull(line.c_str() + 24, nullptr, 10);
  }
  return daemon;
}

// It also sleeps for moments while it works: asleep is who stays asleep.
bool falls_asleep(const std::string& folder) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Daemon last;
  for (int quiet = 0; quiet < kQuietSteps;) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kStep);
    const Daemon now = look_at(folder);
    quiet = now.sleeps && now.naps == last.naps ? quiet + 1 : 0;
    last = now;
  }
  return true;
}

// A program that asks for huge pages and does nothing.
struct Decoy {
  Decoy() {
    constexpr std::uint64_t kAt = 0x200000000;
    (void)program.run(0, {.call = Call::kMmap,
                          .addr = kAt,
                          .length = 2 * kPmdSize,
                          .number = PROT_READ | PROT_WRITE,
                          .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
    (void)program.run(0,
                      {.call = Call::kMadvise, .addr = kAt, .length = 2 * kPmdSize, .number = MADV_HUGEPAGE});
  }
  LivePrograms program;
};

// Whether a round ended within that time.
bool scans_move_on(long long before, std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (full_scans() == before) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kStep);
  }
  return true;
}

// The value that is there: writing it changes nothing, but ends the sleep.
bool wake() {
  const std::string file = std::string(live::kThpRoot) + "/khugepaged/scan_sleep_millisecs";
  std::string value;
  std::ifstream(file) >> value;
  std::ofstream out(file);
  out << value << std::flush;
  return out.good();
}

}  // namespace

bool wakes_khugepaged(const policy::Settings& settings) {
  const policy::SizeEnabled pmd = settings.at(kOrderPmd);
  if (pmd == policy::SizeEnabled::inherit) return settings.enabled != policy::GlobalEnabled::never;
  return pmd != policy::SizeEnabled::never;
}

void let_khugepaged_nap() {
  const long long before = full_scans();
  const Decoy decoy;
  (void)scans_move_on(before, kLongest);
  std::this_thread::sleep_for(kStep);  // from the end of the look to its sleep
}

bool let_khugepaged_come_round() {
  const std::string folder = find_daemon();
  if (folder.empty()) return true;
  const Decoy decoy;  // stands behind everybody: a round ends with it
  const long long before = full_scans();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  do {
    if (std::chrono::steady_clock::now() > deadline || !wake()) return false;
  } while (!scans_move_on(before, kOnePass));
  return falls_asleep(folder);
}

}  // namespace quire::litmus
