// swap/zswap.h - a compressed cache of swapped pages in RAM, in front of all
// swap devices of a machine.
//
// Mirrors: mm/zswap.c of Linux 6.18: whole folios stored or not at all (6.13), pages that do not
// compress kept as they are (6.18), no special care for pages filled with one word (since 6.12),
// the limit with its hysteresis, writeback of the oldest with a second chance, the numbers of its
// debugfs folder. Differs: one group, one compressor at a time; the worker that writes back when the
// limit is hit has run before the write that hit it returns; an entry whose writeback fails
// stays, where the kernel has the page in the swap cache; whole folios can be loaded as a policy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/report.h"
#include "compress/codec.h"
#include "compress/zsmalloc.h"
#include "quire/result.h"
#include "quire/types.h"
#include "swap/backend.h"
#include "swap/size_model.h"

namespace quire::swap {

// Whether several pages of a folio may be fetched at once.
enum class ZswapLoad : std::uint8_t {
  kSinglePages,  // Linux 6.18: no large folio is swapped in once zswap was enabled
  kWholeFolios,
};

// The files of /sys/module/zswap/parameters.
struct ZswapParameters {
  bool enabled = false;
  unsigned max_pool_percent = 20;
  unsigned accept_threshold_percent = 90;
  bool shrinker_enabled = false;
};

struct ZswapOptions {
  compress::Algorithm compressor = compress::Algorithm::kLzo;  // CONFIG_ZSWAP_COMPRESSOR_DEFAULT
  std::optional<int> level = std::nullopt;
  PageCount ram{};  // what percentages are of (totalram_pages)
  unsigned threads = 1;
  unsigned chain_size = 8;
  ZswapParameters parameters = {};
  ZswapLoad load = ZswapLoad::kSinglePages;
  const SizeModel* sizes = nullptr;  // for pages without contents; must outlive this
};

// The files of its debugfs folder.
struct ZswapStats {
  std::uint64_t pool_limit_hit = 0;
  std::uint64_t reject_reclaim_fail = 0;
  std::uint64_t reject_alloc_fail = 0;
  std::uint64_t reject_kmemcache_fail = 0;  // always 0: entries take memory of the host
  std::uint64_t reject_compress_fail = 0;
  std::uint64_t reject_compress_poor = 0;
  std::uint64_t decompress_fail = 0;
  std::uint64_t written_back_pages = 0;
  ByteCount pool_total_size;
  std::uint64_t stored_pages = 0;
  std::uint64_t stored_incompressible_pages = 0;
};

class ZswapDevice;
struct ZswapEntry;

// Zswap keeps pages of any of its devices.
//
// States      : of an entry: stored, referenced -> passed over once -> written back; or freed, with
//               its slot or as the swap cache gets its page
//               of the pool: accepting -> full -> accepting, at the lower threshold
// Owns        : its pool
// Refers to   : the source of frames; its devices, which must not outlive it
// Locks       : one thread drives a machine
// Invariants  : I-ZSWAP-1 stored_pages = entries = objects in the pool
//               I-ZSWAP-2 each entry is in the list once and leads to its device and slot
//               I-ZSWAP-3 of a folio all pages are stored or, after its write, none
class Zswap {
 public:
  // Refuses a level the compressor does not have and no threads.
  [[nodiscard]] static Result<std::unique_ptr<Zswap>, Diagnostic> create(compress::PageSource& source,
                                                                         const ZswapOptions& options);
  ~Zswap();
  Zswap(const Zswap&) = delete;
  Zswap& operator=(const Zswap&) = delete;

  // A swap device with this in front.
  [[nodiscard]] std::unique_ptr<ZswapDevice> in_front_of(std::unique_ptr<Backend> device);

  // --- Settings ---
  [[nodiscard]] const ZswapParameters& parameters() const;
  void set_parameters(const ZswapParameters& parameters);
  // Whether it was ever enabled (zswap_never_enabled): then no large folio is swapped in.
  [[nodiscard]] bool ever_enabled() const;
  // memory.zswap.writeback: off, what it does not take stays in memory, and pages
  // that do not compress are not taken.
  void set_writeback(bool allowed);
  // Who knows whether a folio in memory has this slot: its entry is not written back.
  void set_cached_probe(std::function<bool(const Backend& device, std::uint64_t slot)> probe);
  // Called for each page written back (zswpwb).
  void on_writeback(std::function<void()> hook);

  // --- The shrinker (zswap_shrinker_count, zswap_shrinker_scan) ---
  [[nodiscard]] std::uint64_t shrinker_count();
  // Looks at so many of the oldest entries; how many were written back.
  std::uint64_t shrinker_scan(std::uint64_t nr_to_scan);

  // --- The pool's own shrinker (zs_shrinker_count, zs_compact) ---
  [[nodiscard]] PageCount compactable() const;
  PageCount compact();

  [[nodiscard]] ZswapStats stats() const;
  // The text of a file of the debugfs folder, or of a parameter, as the kernel prints it.
  [[nodiscard]] Result<std::string, Errno> read_file(std::string_view name) const;
  [[nodiscard]] const compress::ZsPool& pool() const;
  [[nodiscard]] PageCount frames_used() const;

  void check_invariants(base::InvariantReport& out) const;

  // The inside: swap/zswap_state.h, for the sources of Zswap only.
  struct State;

 private:
  friend class ZswapDevice;
  explicit Zswap(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// ZswapDevice is a swap device with zswap in front.
//
// Owns        : the device behind it
// Refers to   : its Zswap, which must outlive it
class ZswapDevice final : public Backend {
 public:
  ~ZswapDevice() override;

  [[nodiscard]] std::string_view name() const override { return behind_->name(); }
  [[nodiscard]] Traits traits() const override { return behind_->traits(); }
  [[nodiscard]] PageCount size() const override { return behind_->size(); }
  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override;
  [[nodiscard]] Result<void, IoError> read(std::uint64_t slot, Pages pages) override;
  [[nodiscard]] bool kept_in_front(std::uint64_t slot) const override;
  bool give_up_in_front(std::uint64_t slot, PageCount count) override;
  [[nodiscard]] bool reads_large() const override;
  // Of the device behind; those of the pool belong to Zswap.
  [[nodiscard]] PageCount frames_used() const override { return behind_->frames_used(); }
  [[nodiscard]] PageCount compactable() const override { return behind_->compactable(); }
  PageCount compact() override { return behind_->compact(); }
  void slots_freed(std::uint64_t slot, PageCount count) override;
  // Of its entry; without one, what the device behind holds.
  bool damage(std::uint64_t slot) override;
  void discard(std::uint64_t slot, PageCount count) override { behind_->discard(slot, count); }

  [[nodiscard]] Backend& behind() { return *behind_; }

 private:
  friend class Zswap;
  ZswapDevice(Zswap& zswap, std::unique_ptr<Backend> behind);
  [[nodiscard]] bool inside(std::uint64_t slot, PageCount count) const;
  [[nodiscard]] std::vector<ZswapEntry*> entries_at(std::uint64_t slot, std::uint64_t most) const;
  [[nodiscard]] PageCount not_kept_at(std::uint64_t slot, std::uint64_t most) const;

  Zswap& zswap_;
  std::unique_ptr<Backend> behind_;
};

}  // namespace quire::swap
