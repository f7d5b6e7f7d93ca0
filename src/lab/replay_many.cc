#include "lab/replay_many.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace quire::lab {
namespace {

using OneResult = Result<ReplayResult, Diagnostic>;

OneResult replay_file(const std::string& path, const ReplayOptions& options) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(path));
  return replay(reader, options);
}

}  // namespace

Result<std::vector<ReplayResult>, Diagnostic> replay_many(const std::string& path,
                                                          std::span<const ReplayOptions> runs,
                                                          unsigned jobs) {
  std::vector<std::optional<OneResult>> done(runs.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) done[i] = replay_file(path, runs[i]);
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t threads = std::min<std::size_t>(std::max(jobs, 1U), runs.size());
    while (helpers.size() + 1 < threads) helpers.emplace_back(work);
    work();
  }
  std::vector<ReplayResult> results;
  results.reserve(done.size());
  for (auto& one : done) results.push_back(QUIRE_TRY(std::move(*one)));
  return results;
}

}  // namespace quire::lab
