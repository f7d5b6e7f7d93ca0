#include "swap/packer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace quire::swap {

using compress::CodecError;
using compress::CodecJob;

// Pages that begin alike often end differently: the last word is looked at early.
std::optional<std::uint64_t> same_word(const std::byte* bytes, ByteCount count) {
  std::uint64_t word = 0, last = 0;
  std::memcpy(&word, bytes, sizeof word);
  std::memcpy(&last, bytes + count.raw() - sizeof last, sizeof last);
  if (word != last || std::memcmp(bytes, bytes + sizeof word, count.raw() - sizeof word) != 0)
    return std::nullopt;
  return word;
}

void fill(std::byte* bytes, ByteCount count, std::uint64_t word) {
  if (word == 0) {
    std::memset(bytes, 0, count.raw());
    return;
  }
  for (std::uint64_t at = 0; at < count.raw(); at += sizeof word) std::memcpy(bytes + at, &word, sizeof word);
}

Result<Packer, Diagnostic> Packer::create(const PackerOptions& options) {
  return Packer(options, QUIRE_TRY(compress::CodecPool::create(options.codec, options.threads)));
}

std::span<std::byte> Packer::buffer(std::size_t n) {
  const std::uint64_t size = pool_.codec().bound(options_.codec.largest_input).raw();
  while (buffers_.size() <= n) buffers_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
  return {buffers_[n].get(), size};
}

Packed Packer::modelled(const Piece& piece) {
  QUIRE_CHECK_MSG(options_.sizes != nullptr, "pages without contents, and no model of their sizes");
  const std::optional<ByteCount> size = options_.sizes->compressed(piece.slot, piece.pages, piece.write);
  if (size || options_.same == SameFilled::kCompressed)
    return packed_as(piece, size.value_or(ByteCount(1)), {});
  return {.kind = Packed::Kind::kSame, .word = 0, .size = {}, .bytes = {}};
}

void Packer::expect(std::span<const Piece> pieces) {
  pool_.end();
  expected_.clear();
  expected_at_.clear();
  if (pieces.empty()) return;
  std::size_t bytes = 0;
  for (const Piece& piece : pieces) bytes += pool_.codec().bound(piece.pages.bytes()).raw();
  if (room_.size() < bytes) room_.resize(bytes);
  std::span<std::byte> room(room_);
  for (const Piece& piece : pieces) {
    const std::size_t most = pool_.codec().bound(piece.pages.bytes()).raw();
    expected_at_.emplace(piece.bytes, expected_.size());
    expected_.push_back({.piece = piece, .out = room.first(most), .packed = {}});
    room = room.subspan(most);
  }
  pool_.begin(expected_.size(), [this](compress::Codec& codec, std::size_t n) {
    Expected& e = expected_[n];
    if (const std::optional<Packed> done = without_codec(e.piece)) {
      e.packed = *done;
    } else {
      e.packed =
          packed_as(e.piece, codec.compress({e.piece.bytes, e.piece.pages.bytes().raw()}, e.out), e.out);
    }
  });
}

void Packer::settle(const std::byte* bytes, PageCount pages) {
  for (std::uint64_t page = 0; page < pages.raw() && !expected_.empty(); ++page)
    if (const auto found = expected_at_.find(bytes + page * kPageSize); found != expected_at_.end())
      pool_.settle(found->second);
}

std::optional<Packed> Packer::made_before(const Piece& piece) {
  if (expected_.empty()) return std::nullopt;
  const auto found = expected_at_.find(piece.bytes);
  if (found == expected_at_.end() || expected_[found->second].piece.pages != piece.pages) return std::nullopt;
  pool_.settle(found->second);
  return expected_[found->second].packed;
}

// What needs no codec.
std::optional<Packed> Packer::without_codec(const Piece& piece) {
  if (piece.bytes == nullptr) return modelled(piece);
  if (options_.same == SameFilled::kCompressed) return std::nullopt;
  const std::optional<std::uint64_t> word = same_word(piece.bytes, piece.pages.bytes());
  if (!word) return std::nullopt;
  return Packed{.kind = Packed::Kind::kSame, .word = *word, .size = {}, .bytes = {}};
}

Packed Packer::packed_as(const Piece& piece, Result<ByteCount, CodecError> size,
                         std::span<const std::byte> buffer) const {
  if (size && *size < whole_from(piece.pages))
    return {.kind = Packed::Kind::kCompressed,
            .word = 0,
            .size = *size,
            .bytes = buffer.first(buffer.empty() ? 0 : size->raw())};
  const std::span<const std::byte> whole = piece.bytes == nullptr
                                               ? std::span<const std::byte>{}
                                               : std::span(piece.bytes, piece.pages.bytes().raw());
  return {.kind = Packed::Kind::kWhole, .word = 0, .size = piece.pages.bytes(), .bytes = whole};
}

Packed Packer::pack(const Piece& piece) {
  if (const std::optional<Packed> done = made_before(piece)) return *done;
  if (const std::optional<Packed> done = without_codec(piece)) return *done;
  const std::span<std::byte> out = buffer(0);
  return packed_as(piece, pool_.codec().compress({piece.bytes, piece.pages.bytes().raw()}, out), out);
}

std::vector<Packed> Packer::pack_all(std::span<const Piece> pieces) {
  std::vector<Packed> all(pieces.size());
  std::vector<CodecJob> jobs;
  std::vector<std::size_t> of;  // by job: which piece
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    std::optional<Packed> done = made_before(pieces[n]);
    if (!done) done = without_codec(pieces[n]);
    if (done) {
      all[n] = *done;
      continue;
    }
    jobs.push_back({{pieces[n].bytes, pieces[n].pages.bytes().raw()}, buffer(jobs.size())});
    of.push_back(n);
  }
  const std::vector<Result<ByteCount, CodecError>> sizes = pool_.compress(jobs);
  for (std::size_t n = 0; n < jobs.size(); ++n) all[of[n]] = packed_as(pieces[of[n]], sizes[n], jobs[n].out);
  return all;
}

Result<void, CodecError> Packer::unpack(const Fetched& object) {
  if (object.bytes.size() != object.to.size()) return pool_.codec().decompress(object.bytes, object.to);
  std::memcpy(object.to.data(), object.bytes.data(), object.to.size());
  return {};
}

std::vector<Result<void, CodecError>> Packer::unpack_all(std::span<const Fetched> objects) {
  std::vector<Result<void, CodecError>> all(objects.size());
  std::vector<CodecJob> jobs;
  std::vector<std::size_t> of;
  for (std::size_t n = 0; n < objects.size(); ++n) {
    if (objects[n].bytes.size() == objects[n].to.size()) {
      all[n] = unpack(objects[n]);
      continue;
    }
    jobs.push_back({objects[n].bytes, objects[n].to});
    of.push_back(n);
  }
  const std::vector<Result<void, CodecError>> done = pool_.decompress(jobs);
  for (std::size_t n = 0; n < jobs.size(); ++n) all[of[n]] = done[n];
  return all;
}

}  // namespace quire::swap
