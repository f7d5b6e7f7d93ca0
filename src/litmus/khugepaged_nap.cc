#include "litmus/khugepaged_nap.h"

#include <sys/mman.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "litmus/live_programs.h"
#include "live/host.h"

namespace quire::litmus {
namespace {

// A khugepaged that already sleeps does not look, and is not waited for longer.
constexpr auto kLongest = std::chrono::milliseconds(300);
constexpr auto kStep = std::chrono::milliseconds(2);

long long full_scans() {
  std::ifstream in(std::string(live::kThpRoot) + "/khugepaged/full_scans");
  long long n = 0;
  in >> n;
  return n;
}

}  // namespace

bool wakes_khugepaged(const policy::Settings& settings) {
  const policy::SizeEnabled pmd = settings.at(kOrderPmd);
  if (pmd == policy::SizeEnabled::inherit) return settings.enabled != policy::GlobalEnabled::never;
  return pmd != policy::SizeEnabled::never;
}

void let_khugepaged_nap() {
  const long long before = full_scans();
  LivePrograms decoy;
  constexpr std::uint64_t kAt = 0x200000000;
  (void)decoy.run(0, {.call = Call::kMmap,
                      .addr = kAt,
                      .length = 2 * kPmdSize,
                      .number = PROT_READ | PROT_WRITE,
                      .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
  (void)decoy.run(0, {.call = Call::kMadvise, .addr = kAt, .length = 2 * kPmdSize, .number = MADV_HUGEPAGE});
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (full_scans() == before && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(kStep);
  std::this_thread::sleep_for(kStep);  // from the end of the look to its sleep
}

}  // namespace quire::litmus
