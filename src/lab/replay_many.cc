#include "lab/replay_many.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

namespace quire::lab {
namespace {

Result<ReplayResult, Diagnostic> replay_file(const std::string& path, const ReplayOptions& options) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(path));
  return replay(reader, options);
}

}  // namespace

void replay_each(const std::string& path, std::span<const ReplayOptions> runs, unsigned jobs,
                 const ReplayDone& done) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> over = false;
  std::mutex telling;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size() && !over; i = next++) {
      auto result = replay_file(path, runs[i]);
      const std::scoped_lock lock(telling);
      if (!done(i, std::move(result))) over = true;
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t threads = std::min<std::size_t>(std::max(jobs, 1U), runs.size());
  while (helpers.size() + 1 < threads) helpers.emplace_back(work);
  work();
}

Result<std::vector<ReplayResult>, Diagnostic> replay_many(const std::string& path,
                                                          std::span<const ReplayOptions> runs,
                                                          unsigned jobs) {
  std::vector<std::optional<Result<ReplayResult, Diagnostic>>> done(runs.size());
  replay_each(path, runs, jobs, [&](std::size_t i, Result<ReplayResult, Diagnostic> result) {
    done[i] = std::move(result);
    return true;
  });
  std::vector<ReplayResult> results;
  results.reserve(done.size());
  for (auto& one : done) results.push_back(QUIRE_TRY(std::move(*one)));
  return results;
}

}  // namespace quire::lab
