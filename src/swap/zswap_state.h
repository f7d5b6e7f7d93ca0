// swap/zswap_state.h - the inside of a Zswap: entries by slot and by age. For
// the sources of Zswap only.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <boost/intrusive/list.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "swap/packer.h"
#include "swap/zswap.h"

namespace quire::swap {

// One stored page (struct zswap_entry).
struct ZswapEntry {
  Backend* device = nullptr;  // behind
  std::uint64_t slot = 0;
  compress::ZsHandle handle;
  std::uint32_t length = 0;  // a page: not compressed
  bool referenced = true;
  boost::intrusive::list_member_hook<> lru;
};

struct Zswap::State {
  using Key = std::pair<const Backend*, std::uint64_t>;
  using Lru = boost::intrusive::list<
      ZswapEntry,
      boost::intrusive::member_hook<ZswapEntry, boost::intrusive::list_member_hook<>, &ZswapEntry::lru>>;

  State(compress::PageSource& source, const ZswapOptions& with);
  ~State();

  // --- Storing and loading (zswap.cc) ---
  [[nodiscard]] bool store_folio(Backend& device, std::uint64_t slot, Pages pages);
  [[nodiscard]] bool store_pages(Backend& device, std::uint64_t slot, Pages pages);
  [[nodiscard]] bool store_page(Backend& device, const Piece& piece, const Packed& packed);
  [[nodiscard]] bool refused(const Packed& packed);
  [[nodiscard]] ZswapEntry* find(const Backend& device, std::uint64_t slot) const;
  // Forgets the entries of these slots (zswap_invalidate).
  void invalidate(const Backend& device, std::uint64_t slot, PageCount count);
  void free(ZswapEntry& entry);
  [[nodiscard]] std::span<const std::byte> bytes_of(const ZswapEntry& entry);
  [[nodiscard]] Result<void, IoError> load(std::span<ZswapEntry* const> entries, std::byte* to);

  // --- The limit, and writing back (zswap_shrink.cc) ---
  [[nodiscard]] PageCount max_pages() const;
  [[nodiscard]] PageCount accept_pages() const;
  [[nodiscard]] bool check_limits();
  // shrink_worker: down to the lower threshold.
  void shrink_to_threshold();
  struct Walk {
    std::uint64_t scanned = 0, written = 0;
    bool stopped = false;
  };
  enum class Caller : std::uint8_t { kWorker, kShrinker };
  Walk walk(std::uint64_t nr_to_walk, Caller caller);
  [[nodiscard]] Result<void, Errno> write_back(ZswapEntry& entry);

  ZswapOptions options;
  compress::ZsPool pool;
  std::optional<Packer> packer;
  absl::flat_hash_map<Key, std::unique_ptr<ZswapEntry>> entries;
  Lru lru;  // oldest first
  bool ever_enabled = false;
  bool reached_full = false;
  bool writeback = true;
  std::uint64_t nr_disk_swapins = 0;
  std::uint64_t writes = 0;
  std::function<bool(const Backend&, std::uint64_t)> cached;
  std::function<void()> on_writeback;
  ZswapStats stats;  // but for what stats() works out
  std::vector<std::byte> scratch;
  std::vector<std::byte> page;  // on its way back
};

}  // namespace quire::swap
