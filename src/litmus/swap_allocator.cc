#include "litmus/swap_allocator.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/rng.h"

namespace quire::litmus {
namespace {

constexpr const char* kLarge = "A";
constexpr const char* kSmall = "B";
constexpr ByteCount kLargeSize = 60_MiB;
constexpr ByteCount kSmallSize = 4_MiB;
constexpr ByteCount kAnewLarge = 16_MiB;
constexpr ByteCount kAnewSmall = 1_MiB;
constexpr ByteCount kFolio = 64_KiB;
constexpr Fill kBytes{Fill::Kind::kText, 0x11};

class AllocatorScript {
 public:
  explicit AllocatorScript(const SwapAllocatorOptions& options) : options_(options), rng_(options.seed) {}

  Experiment run() {
    experiment_.about = "thp_swap_allocator_test";
    experiment_.ram = 256_MiB;
    experiment_.swaps = {{.algorithm = "lzo", .size = 64_MiB}};
    experiment_.policy = options_.policy;
    experiment_.settings = {{{}, OrderSet::of(kOrderPmd), "", "never"},
                            {{}, OrderSet::of(Order(4)), "", "madvise"}};
    begin();
    for (unsigned round = 0; round < options_.rounds; ++round) one_round();
    return std::move(experiment_);
  }

 private:
  [[nodiscard]] bool has_small() const { return options_.small == SwapAllocatorOptions::Small::kYes; }

  void begin() {
    map(kLarge, kLargeSize, MADV_HUGEPAGE);
    if (has_small()) map(kSmall, kSmallSize, MADV_NOHUGEPAGE);
    fill(whole(kLarge));
    add(Advise{MADV_PAGEOUT, whole(kLarge)});
    if (!has_small()) return;
    fill(whole(kSmall));
    add(Advise{MADV_PAGEOUT, whole(kSmall)});
  }

  void one_round() {
    const bool pages = options_.swap_in == SwapAllocatorOptions::SwapIn::kPages;
    swap_in(kLarge, kLargeSize, pages ? ByteCount(kPageSize) : kFolio, kAnewLarge);
    for (std::uint64_t n = kAnewLarge.raw() / kFolio.raw(); n > 0; --n) {
      const Range range = some(kLarge, kLargeSize, kFolio);
      add(Advise{MADV_DONTNEED, range});
      fill(range);
    }
    if (has_small()) swap_in(kSmall, kSmallSize, ByteCount(kPageSize), kAnewSmall);
    add(Advise{MADV_PAGEOUT, whole(kLarge)});
    if (has_small()) add(Advise{MADV_PAGEOUT, whole(kSmall)});
  }

  void swap_in(const char* name, ByteCount size, ByteCount piece, ByteCount total) {
    for (std::uint64_t n = total.raw() / piece.raw(); n > 0; --n) fill(some(name, size, piece));
  }

  [[nodiscard]] static Range whole(const char* name) {
    return {Place{{}, name, {}}, Range::Extent::kWhole, {}};
  }
  [[nodiscard]] Range some(const char* name, ByteCount size, ByteCount piece) {
    const ByteCount offset(rng_.below(size.raw() / piece.raw()) * piece.raw());
    return {Place{{}, name, offset}, Range::Extent::kLength, piece};
  }
  void map(const char* name, ByteCount size, int advice) {
    add(Map{.name = name, .size = size, .location = {}});
    add(Advise{advice, whole(name)});
  }
  void fill(Range range) {
    add(Access{.kind = Access::Kind::kWrite, .range = std::move(range), .value = {}, .fill = kBytes});
  }
  void add(Action action) {
    Step step;
    step.action = std::move(action);
    experiment_.steps.push_back(std::move(step));
  }

  const SwapAllocatorOptions options_;
  base::Rng rng_;
  Experiment experiment_;
};

std::int64_t moved(const Observation& seen, std::string_view counter) {
  const auto found = seen.moved.find(std::string(counter));
  return found == seen.moved.end() ? 0 : found->second;
}

}  // namespace

Experiment swap_allocator_experiment(const SwapAllocatorOptions& options) { return AllocatorScript(options).run(); }

std::vector<SwapFallback> swap_fallbacks(const Experiment& experiment, const Recording& recording) {
  std::vector<SwapFallback> rounds;
  for (std::size_t i = 0; i < std::min(experiment.steps.size(), recording.steps.size()); ++i) {
    const auto* const advise = std::get_if<Advise>(&experiment.steps[i].action);
    if (advise == nullptr || advise->advice != MADV_PAGEOUT || advise->range.begin.name != kLarge) continue;
    const Observation& seen = recording.steps[i];
    rounds.push_back({moved(seen, "64K/swpout"), moved(seen, "64K/swpout_fallback")});
  }
  return rounds;
}

}  // namespace quire::litmus
