// Setting a device up, writing, and what it says of itself.
#include "swap/zram.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "swap/zram_state.h"

namespace quire::swap {

using compress::ZsPool;

namespace {

bool is_unit(ByteCount unit) {
  return unit == ByteCount(kPageSize) || ((unit == 16_KiB || unit == 64_KiB) && unit.raw() > kPageSize);
}

compress::CodecOptions codec_of(const ZramOptions& options) {
  return {.algorithm = options.algorithm, .level = options.level, .largest_input = options.unit};
}

ByteCount in_pages(ByteCount bytes) { return PageCount::covering(bytes).bytes(); }

}  // namespace

Zram::Zram(std::unique_ptr<State> state) : state_(std::move(state)) {}
Zram::~Zram() = default;

Result<std::unique_ptr<Zram>, Diagnostic> Zram::create(compress::PageSource& source,
                                                       const ZramOptions& options) {
  if (!is_unit(options.unit))
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = options.name,
                           .what = fmt::format("cannot compress {} bytes as one object", options.unit.raw()),
                           .hint = "a page, 16K or 64K"});
  auto state = std::make_unique<State>(source, options);
  state->options.mem_limit = in_pages(options.mem_limit);
  // Refuses what is wrong with codec and threads now, whether or not there is a size.
  QUIRE_TRY(Packer::create({.codec = codec_of(options), .threads = options.threads}));
  if (options.disksize != ByteCount()) QUIRE_TRY(state->take_size(options.disksize));
  return std::unique_ptr<Zram>(new Zram(std::move(state)));
}

PackerOptions Zram::State::packer_options(const ZsPool& of) const {
  return {.codec = codec_of(options),
          .threads = options.threads,
          .same = SameFilled::kNoted,
          .whole_page_from = of.huge_class_size(ByteCount(kPageSize)),
          .whole_unit_from = of.huge_class_size(options.unit),
          .sizes = options.sizes};
}

Result<void, Diagnostic> Zram::State::take_size(ByteCount size) {
  auto made = std::make_unique<ZsPool>(
      source, compress::ZsOptions{.largest_object = options.unit, .chain_size = options.chain_size});
  packer.emplace(QUIRE_TRY(Packer::create(packer_options(*made))));
  pool = std::move(made);
  options.disksize = in_pages(size);
  pages = PageCount::covering(size);
  slots.assign(pages.raw(), {});
  if (unit_pages() > 1) units.assign((pages.raw() + unit_pages() - 1) / unit_pages(), {});
  scratch.resize(options.unit.raw());
  whole.resize(options.unit.raw());
  return {};
}

Result<void, Errno> Zram::set_disksize(ByteCount size) {
  if (size == ByteCount()) return fail(Errno::kInval);
  if (has_size()) return fail(Errno::kBusy);
  if (!state_->take_size(size)) return fail(Errno::kInval);
  return {};
}

Result<void, Errno> Zram::set_algorithm(compress::Algorithm algorithm) {
  if (has_size()) return fail(Errno::kBusy);
  state_->options.algorithm = algorithm;
  state_->options.level.reset();
  return {};
}

Result<void, Errno> Zram::set_level(std::optional<int> level) {
  if (has_size()) return fail(Errno::kBusy);
  ZramOptions wanted = state_->options;
  wanted.level = level;
  if (!compress::Codec::create(codec_of(wanted))) return fail(Errno::kInval);
  state_->options.level = level;
  return {};
}

Result<void, Errno> Zram::set_unit(ByteCount unit) {
  if (has_size()) return fail(Errno::kBusy);
  if (!is_unit(unit)) return fail(Errno::kInval);
  state_->options.unit = unit;
  return {};
}

Result<void, Errno> Zram::set_backing(std::unique_ptr<Backend> device) {
  if (has_size()) return fail(Errno::kBusy);
  state_->blocks = BackingBlocks(device->size());
  state_->backing = std::move(device);
  return {};
}

void Zram::reset() {
  State& old = *state_;
  ZramOptions options = old.options;
  options.disksize = options.mem_limit = ByteCount();
  options.algorithm = ZramOptions{}.algorithm;
  options.level.reset();
  state_ = std::make_unique<State>(old.source, options);
}

void Zram::set_mem_limit(ByteCount limit) { state_->options.mem_limit = in_pages(limit); }

void Zram::reset_mem_used_max() {
  if (has_size()) state_->max_used = state_->pool->total_pages();
}

void Zram::mark_idle() {
  for (ZramSlot& slot : state_->slots)
    if (slot.allocated()) slot.mark(ZramSlot::kIdle);
}

void Zram::set_writeback_limit(const ZramWritebackLimit& limit) { state_->writeback_limit = limit; }
ZramWritebackLimit Zram::writeback_limit() const { return state_->writeback_limit; }

PageCount Zram::compactable() const { return has_size() ? state_->pool->freeable() : PageCount(); }
PageCount Zram::compact() { return has_size() ? state_->pool->compact() : PageCount(); }

std::string_view Zram::name() const { return state_->options.name; }
PageCount Zram::size() const { return state_->pages; }
const ZramOptions& Zram::options() const { return state_->options; }
const Backend* Zram::backing() const { return state_->backing.get(); }
const ZsPool* Zram::pool() const { return state_->pool.get(); }
PageCount Zram::frames_used() const { return has_size() ? state_->pool->total_pages() : PageCount(); }

bool Zram::State::inside(std::uint64_t slot, PageCount count) const {
  return slot < pages.raw() && count.raw() <= pages.raw() - slot;
}

namespace {

// The objects that pages written to these slots become.
template <typename Fn>
Result<void, IoError> for_each_piece(std::uint64_t slot, Pages pages, std::uint64_t unit, std::uint64_t write,
                                     Fn fn) {
  for (std::uint64_t done = 0; done < pages.count.raw();) {
    const bool whole = (slot + done) % unit == 0 && pages.count.raw() - done >= unit;
    const PageCount count(whole ? unit : 1);
    const std::byte* bytes = pages.bytes == nullptr ? nullptr : pages.bytes + done * kPageSize;
    QUIRE_TRY(fn(Piece{.slot = slot + done, .pages = count, .bytes = bytes, .write = write}));
    done += count.raw();
  }
  return {};
}

}  // namespace

Result<void, IoError> Zram::write(std::uint64_t slot, Pages pages) {
  State& s = *state_;
  if (!s.inside(slot, pages.count)) return fail(IoError::kWrite);
  const std::uint64_t write = s.writes++;
  if (!s.packer->parallel() || pages.count == PageCount(1))
    return for_each_piece(slot, pages, s.unit_pages(), write,
                          [&](const Piece& piece) { return s.store(piece, s.packer->pack(piece)); });
  std::vector<Piece> pieces;
  QUIRE_TRY(for_each_piece(slot, pages, s.unit_pages(), write, [&](const Piece& p) -> Result<void, IoError> {
    pieces.push_back(p);
    return {};
  }));
  const std::vector<Packed> packed = s.packer->pack_all(pieces);
  for (std::size_t n = 0; n < pieces.size(); ++n) QUIRE_TRY(s.store(pieces[n], packed[n]));
  return {};
}

bool Zram::compresses_ahead() const { return has_size() && state_->packer->parallel(); }

void Zram::expect(std::span<const Pages> folios) {
  State& s = *state_;
  if (!compresses_ahead()) return;
  std::vector<Piece> pieces;
  for (const Pages& folio : folios) {
    if (folio.bytes == nullptr) continue;
    // Slots of a folio are aligned as it is: its pieces are those of slot 0.
    (void)for_each_piece(0, folio, s.unit_pages(), 0, [&](const Piece& p) -> Result<void, IoError> {
      pieces.push_back(p);
      return {};
    });
  }
  s.packer->expect(pieces);
}

void Zram::settle(Pages folio) {
  if (compresses_ahead() && folio.bytes != nullptr) state_->packer->settle(folio.bytes, folio.count);
}

void Zram::slots_freed(std::uint64_t slot, PageCount count) {
  for (std::uint64_t n = 0; n < count.raw() && state_->inside(slot + n, PageCount(1)); ++n) {
    ++state_->stats.notify_free;
    state_->empty(slot + n);
  }
}

void Zram::discard(std::uint64_t slot, PageCount count) { slots_freed(slot, count); }

ZramStats Zram::stats() const {
  const State& s = *state_;
  ZramStats out = s.stats;
  out.orig_data_size = PageCount(s.pages_stored).bytes();
  out.mem_used_total = frames_used().bytes();
  out.mem_limit = s.options.mem_limit;
  out.mem_used_max = s.max_used.bytes();
  out.pages_compacted = has_size() ? s.pool->pages_compacted() : PageCount();
  out.bd_count = s.blocks.count();
  return out;
}

ZramUnitStats Zram::unit_stats() const { return state_->unit_stats; }

}  // namespace quire::swap
