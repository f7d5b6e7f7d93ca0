// Storing folios, loading pages, and what it says of itself.
#include "swap/zswap.h"

#include "base/check.h"
#include "swap/zswap_state.h"

namespace quire::swap {

using compress::ZsHandle;

Zswap::State::State(compress::PageSource& source, const ZswapOptions& with)
    : options(with),
      pool(source, compress::ZsOptions{.chain_size = with.chain_size}),
      ever_enabled(with.parameters.enabled),
      scratch(kPageSize),
      page(kPageSize) {}

Zswap::State::~State() { lru.clear(); }

Zswap::Zswap(std::unique_ptr<State> state) : state_(std::move(state)) {}
Zswap::~Zswap() = default;

Result<std::unique_ptr<Zswap>, Diagnostic> Zswap::create(compress::PageSource& source,
                                                         const ZswapOptions& options) {
  auto state = std::make_unique<State>(source, options);
  state->packer.emplace(QUIRE_TRY(Packer::create({.codec = {.algorithm = options.compressor,
                                                            .level = options.level,
                                                            .largest_input = ByteCount(kPageSize)},
                                                  .threads = options.threads,
                                                  .same = SameFilled::kCompressed,
                                                  .sizes = options.sizes})));
  return std::unique_ptr<Zswap>(new Zswap(std::move(state)));
}

std::unique_ptr<ZswapDevice> Zswap::in_front_of(std::unique_ptr<Backend> device) {
  return std::unique_ptr<ZswapDevice>(new ZswapDevice(*this, std::move(device)));
}

const ZswapParameters& Zswap::parameters() const { return state_->options.parameters; }
void Zswap::set_parameters(const ZswapParameters& parameters) {
  state_->options.parameters = parameters;
  state_->ever_enabled |= parameters.enabled;
}
bool Zswap::ever_enabled() const { return state_->ever_enabled; }
void Zswap::set_writeback(bool allowed) { state_->writeback = allowed; }
void Zswap::set_cached_probe(std::function<bool(const Backend&, std::uint64_t)> probe) {
  state_->cached = std::move(probe);
}
void Zswap::on_writeback(std::function<void()> hook) { state_->on_writeback = std::move(hook); }

ZswapEntry* Zswap::State::find(const Backend& device, std::uint64_t slot) const {
  const auto found = entries.find(Key{&device, slot});
  return found == entries.end() ? nullptr : found->second.get();
}

void Zswap::State::free(ZswapEntry& entry) {
  lru.erase(lru.iterator_to(entry));
  pool.free(entry.handle);
  if (entry.length == kPageSize) --stats.stored_incompressible_pages;
  entries.erase(Key{entry.device, entry.slot});
}

void Zswap::State::invalidate(const Backend& device, std::uint64_t slot, PageCount count) {
  if (entries.empty()) return;
  for (std::uint64_t n = 0; n < count.raw(); ++n)
    if (ZswapEntry* const entry = find(device, slot + n)) free(*entry);
}

// What does not compress is not worth its entry where it could not be written back later.
bool Zswap::State::refused(const Packed& packed) {
  if (packed.kind != Packed::Kind::kWhole || writeback) return false;
  ++stats.reject_compress_fail;
  return true;
}

bool Zswap::State::store_page(Backend& device, const Piece& piece, const Packed& packed) {
  if (refused(packed)) return false;
  const Result<ZsHandle, compress::ZsError> handle = pool.allocate(packed.size);
  if (!handle) {
    ++stats.reject_alloc_fail;
    return false;
  }
  if (!packed.bytes.empty()) pool.write(*handle, packed.bytes);
  // A page that was written before and changed since: the old one is stale.
  invalidate(device, piece.slot, PageCount(1));
  auto entry = std::make_unique<ZswapEntry>();
  entry->device = &device;
  entry->slot = piece.slot;
  entry->handle = *handle;
  entry->length = static_cast<std::uint32_t>(packed.size.raw());
  if (entry->length == kPageSize) ++stats.stored_incompressible_pages;
  lru.push_back(*entry);
  entries.emplace(Key{&device, piece.slot}, std::move(entry));
  return true;
}

bool Zswap::State::store_pages(Backend& device, std::uint64_t slot, Pages pages) {
  const std::uint64_t write = writes++;
  std::vector<Piece> pieces;
  for (std::uint64_t n = 0; n < pages.count.raw(); ++n)
    pieces.push_back({.slot = slot + n,
                      .pages = PageCount(1),
                      .bytes = pages.bytes == nullptr ? nullptr : pages.bytes + n * kPageSize,
                      .write = write});
  if (!packer->parallel()) {
    for (const Piece& piece : pieces)
      if (!store_page(device, piece, packer->pack(piece))) return false;
    return true;
  }
  const std::vector<Packed> packed = packer->pack_all(pieces);
  for (std::size_t n = 0; n < pieces.size(); ++n)
    if (!store_page(device, pieces[n], packed[n])) return false;
  return true;
}

// False: the folio goes to the device, and nothing of it may be left here to be written
// back over it later.
bool Zswap::State::store_folio(Backend& device, std::uint64_t slot, Pages pages) {
  if (options.parameters.enabled) {
    if (!check_limits() && store_pages(device, slot, pages)) return true;
    if (reached_full) shrink_to_threshold();
  }
  invalidate(device, slot, pages.count);
  return false;
}

std::span<const std::byte> Zswap::State::bytes_of(const ZswapEntry& entry) {
  return pool.read(entry.handle, ByteCount(entry.length), scratch);
}

// Entries of consecutive slots, to consecutive pages.
Result<void, IoError> Zswap::State::load(std::span<ZswapEntry* const> of, std::byte* to) {
  if (to == nullptr) return {};
  bool damaged = false;
  if (!packer->parallel() || of.size() == 1) {
    for (std::size_t n = 0; n < of.size() && !damaged; ++n)
      damaged = !packer->unpack({bytes_of(*of[n]), {to + n * kPageSize, kPageSize}});
  } else {
    std::vector<std::byte> rooms(of.size() * kPageSize);  // for what does not lie in one frame
    std::vector<Fetched> objects;
    for (std::size_t n = 0; n < of.size(); ++n)
      objects.push_back({pool.read(of[n]->handle, ByteCount(of[n]->length),
                                   std::span(rooms).subspan(n * kPageSize, kPageSize)),
                         {to + n * kPageSize, kPageSize}});
    for (const auto& done : packer->unpack_all(objects)) damaged = damaged || !done;
  }
  if (!damaged) return {};
  ++stats.decompress_fail;
  return fail(IoError::kCorrupt);
}

ZswapDevice::ZswapDevice(Zswap& zswap, std::unique_ptr<Backend> behind)
    : zswap_(zswap), behind_(std::move(behind)) {}

ZswapDevice::~ZswapDevice() { zswap_.state_->invalidate(*behind_, 0, size()); }

bool ZswapDevice::inside(std::uint64_t slot, PageCount count) const {
  return slot < size().raw() && count.raw() <= size().raw() - slot;
}

// Without writeback what zswap does not take stays in memory (AOP_WRITEPAGE_ACTIVATE).
Result<void, IoError> ZswapDevice::write(std::uint64_t slot, Pages pages) {
  if (!inside(slot, pages.count)) return fail(IoError::kWrite);
  if (zswap_.state_->store_folio(*behind_, slot, pages)) return {};
  if (!zswap_.state_->writeback) return fail(IoError::kFull);
  return behind_->write(slot, pages);
}

// The slots that follow each other in the pool, or not in the pool.
std::vector<ZswapEntry*> ZswapDevice::entries_at(std::uint64_t slot, std::uint64_t most) const {
  std::vector<ZswapEntry*> entries;
  while (entries.size() < most) {
    ZswapEntry* const entry = zswap_.state_->find(*behind_, slot + entries.size());
    if (entry == nullptr) break;
    entries.push_back(entry);
  }
  return entries;
}

PageCount ZswapDevice::not_kept_at(std::uint64_t slot, std::uint64_t most) const {
  std::uint64_t n = 0;
  while (n < most && !kept_in_front(slot + n)) ++n;
  return PageCount(n);
}

// A folio may lie in part here and in part on the device.
Result<void, IoError> ZswapDevice::read(std::uint64_t slot, Pages pages) {
  if (!inside(slot, pages.count)) return fail(IoError::kRead);
  if (pages.count > PageCount(1) && !reads_large()) return fail(IoError::kRead);
  Zswap::State& s = *zswap_.state_;
  for (std::uint64_t done = 0; done < pages.count.raw();) {
    std::byte* const to = pages.bytes == nullptr ? nullptr : pages.bytes + done * kPageSize;
    const std::uint64_t left = pages.count.raw() - done;
    const std::vector<ZswapEntry*> entries = entries_at(slot + done, left);
    const PageCount n = entries.empty() ? not_kept_at(slot + done, left) : PageCount(entries.size());
    if (entries.empty()) {
      ++s.nr_disk_swapins;
      QUIRE_TRY(behind_->read(slot + done, {to, n}));
    } else {
      QUIRE_TRY(s.load(entries, to));
    }
    done += n.raw();
  }
  return {};
}

bool ZswapDevice::kept_in_front(std::uint64_t slot) const {
  return zswap_.state_->find(*behind_, slot) != nullptr;
}

// Two copies in memory would cost more than compressing the page again does.
bool ZswapDevice::give_up_in_front(std::uint64_t slot, PageCount count) {
  const std::size_t before = zswap_.state_->entries.size();
  zswap_.state_->invalidate(*behind_, slot, count);
  return zswap_.state_->entries.size() != before;
}

bool ZswapDevice::reads_large() const {
  return !zswap_.ever_enabled() || zswap_.state_->options.load == ZswapLoad::kWholeFolios;
}

bool ZswapDevice::damage(std::uint64_t slot) {
  const ZswapEntry* const entry = zswap_.state_->find(*behind_, slot);
  if (entry == nullptr) return behind_->damage(slot);
  if (entry->length == kPageSize) return false;
  zswap_.state_->pool.write(entry->handle, std::vector(entry->length, std::byte{0xff}));
  return true;
}

void ZswapDevice::slots_freed(std::uint64_t slot, PageCount count) {
  zswap_.state_->invalidate(*behind_, slot, count);
  behind_->slots_freed(slot, count);
}

ZswapStats Zswap::stats() const {
  ZswapStats out = state_->stats;
  out.pool_total_size = state_->pool.total_pages().bytes();
  out.stored_pages = state_->entries.size();
  return out;
}

PageCount Zswap::compactable() const { return state_->pool.freeable(); }
PageCount Zswap::compact() { return state_->pool.compact(); }

const compress::ZsPool& Zswap::pool() const { return state_->pool; }
PageCount Zswap::frames_used() const { return state_->pool.total_pages(); }

}  // namespace quire::swap
