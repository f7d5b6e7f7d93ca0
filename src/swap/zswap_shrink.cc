// The limit of the pool, and writing the oldest entries back to their device.
#include "base/check.h"
#include "swap/zswap_state.h"

namespace quire::swap {
namespace {

constexpr std::uint64_t kSwapClusterMax = 32;
constexpr unsigned kMaxReclaimRetries = 16;

}  // namespace

PageCount Zswap::State::max_pages() const {
  return PageCount(options.ram.raw() * options.parameters.max_pool_percent / 100);
}

PageCount Zswap::State::accept_pages() const {
  return PageCount(max_pages().raw() * options.parameters.accept_threshold_percent / 100);
}

bool Zswap::State::check_limits() {
  const PageCount now = pool.total_pages();
  if (now >= max_pages()) {
    ++stats.pool_limit_hit;
    reached_full = true;
  } else if (reached_full && now <= accept_pages()) {
    reached_full = false;
  }
  return reached_full;
}

// The page goes to the slot it would have gone to without zswap. Where the device fails
// nothing is lost: the entry stays. kExist: a folio in memory has it.
Result<void, Errno> Zswap::State::write_back(ZswapEntry& entry) {
  Backend& device = *entry.device;
  const std::uint64_t slot = entry.slot;
  if (cached && cached(device, slot)) return fail(Errno::kExist);
  const std::span<const std::byte> bytes = bytes_of(entry);
  if (!bytes.empty() && !packer->unpack({bytes, page})) {
    ++stats.decompress_fail;
    return fail(Errno::kIo);
  }
  if (!device.write(slot, {.bytes = bytes.empty() ? nullptr : page.data(), .count = PageCount(1)}))
    return fail(Errno::kIo);
  free(entry);
  if (on_writeback) on_writeback();
  return {};
}

// From the oldest on (shrink_memcg_cb): an entry that is referenced is passed over once.
Zswap::State::Walk Zswap::State::walk(std::uint64_t nr_to_walk, Caller caller) {
  Walk walk;
  while (walk.scanned < nr_to_walk && !lru.empty() && !walk.stopped) {
    ++walk.scanned;
    ZswapEntry& entry = lru.front();
    lru.pop_front();
    lru.push_back(entry);
    if (std::exchange(entry.referenced, false)) continue;
    const Result<void, Errno> done = write_back(entry);
    if (done) {
      ++walk.written;
      ++stats.written_back_pages;
      continue;
    }
    ++stats.reject_reclaim_fail;
    walk.stopped = caller == Caller::kShrinker && done.error() == Errno::kExist;
  }
  return walk;
}

void Zswap::State::shrink_to_threshold() {
  if (!writeback) return;
  unsigned failures = 0;
  do {
    const Walk done = walk(kSwapClusterMax, Caller::kWorker);
    if (done.scanned == 0) return;
    if (done.written == 0 && ++failures == kMaxReclaimRetries) return;
  } while (pool.total_pages() > accept_pages());
}

std::uint64_t Zswap::shrinker_count() {
  State& s = *state_;
  if (!s.options.parameters.shrinker_enabled || !s.writeback || s.entries.empty()) return 0;
  // Pages that had to come from a device show that too many went there: so many are spared.
  const std::uint64_t freeable = s.lru.size();
  const std::uint64_t spared = std::min(freeable, s.nr_disk_swapins);
  s.nr_disk_swapins -= spared;
  return (freeable - spared) * s.pool.total_pages().raw() / s.entries.size();
}

std::uint64_t Zswap::shrinker_scan(std::uint64_t nr_to_scan) {
  if (!state_->options.parameters.shrinker_enabled || !state_->writeback) return 0;
  return state_->walk(nr_to_scan, State::Caller::kShrinker).written;
}

}  // namespace quire::swap
