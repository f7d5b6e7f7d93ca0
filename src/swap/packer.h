// swap/packer.h - what zram and zswap do to pages before they store them, and
// after they fetched them.
//
// Mirrors: page_same_filled, zcomp_compress and the choice between a
// compressed and a whole page of drivers/block/zram/zram_drv.c and mm/zswap.c, Linux
// 6.18. Differs: several units can be done at once, on several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "compress/codec_pool.h"
#include "quire/result.h"
#include "quire/types.h"
#include "swap/size_model.h"

namespace quire::swap {

// The word that all of `bytes` consists of, if one does.
[[nodiscard]] std::optional<std::uint64_t> same_word(const std::byte* bytes, ByteCount count);
void fill(std::byte* bytes, ByteCount count, std::uint64_t word);

// Pages that become one object.
struct Piece {
  std::uint64_t slot = 0;
  PageCount pages{1};
  const std::byte* bytes = nullptr;  // null: no contents are kept
  std::uint64_t write = 0;           // the number of the request, for SizeModel
};

// What became of them.
struct Packed {
  enum class Kind : std::uint8_t {
    kSame,        // nothing to store but `word`
    kCompressed,  // `size` bytes
    kWhole,       // `size` bytes, as they were: compressed they would take as much room
  };
  Kind kind = Kind::kWhole;
  std::uint64_t word = 0;
  ByteCount size;
  std::span<const std::byte> bytes;  // empty where no contents are kept
};

// A fetched object, and where its pages go.
struct Fetched {
  std::span<const std::byte> bytes;
  std::span<std::byte> to;
};

enum class SameFilled : std::uint8_t { kNoted, kCompressed };

struct PackerOptions {
  compress::CodecOptions codec = {};  // largest_input: the largest unit
  unsigned threads = 1;
  SameFilled same = SameFilled::kNoted;
  // What comes to this or more is kept whole: of a page, of the largest unit.
  ByteCount whole_page_from{kPageSize};
  ByteCount whole_unit_from{kPageSize};
  const SizeModel* sizes = nullptr;  // for pages without contents; must outlive the packer
};

// Packer turns pages into objects and back.
//
// States      : idle -> pages are expected -> idle; it is not moved in between
// Owns        : its codecs and threads, and the buffers that Packed::bytes lie in
// Locks       : one thread calls
// Invariants  : I-PACKER-1 the answers do not depend on the number of threads, nor on whether
//               units are packed one by one or together
class Packer {
 public:
  [[nodiscard]] static Result<Packer, Diagnostic> create(const PackerOptions& options);

  // --- Pages that will be packed soon ---
  // The other threads begin with these, in order; nobody may change their bytes before they are
  // settled, nor what they hold before they are packed. In place of what was expected before.
  void expect(std::span<const Piece> pieces);
  // The other threads are done with these pages.
  void settle(const std::byte* bytes, PageCount pages);

  // Packed::bytes are good until the next call of this, pack_all() or expect().
  [[nodiscard]] Packed pack(const Piece& piece);
  // Each in its place; compressed on all threads.
  [[nodiscard]] std::vector<Packed> pack_all(std::span<const Piece> pieces);

  [[nodiscard]] Result<void, compress::CodecError> unpack(const Fetched& object);
  [[nodiscard]] std::vector<Result<void, compress::CodecError>> unpack_all(std::span<const Fetched> objects);

  [[nodiscard]] bool parallel() const { return pool_.threads() > 1; }

 private:
  Packer(const PackerOptions& options, compress::CodecPool pool)
      : options_(options), pool_(std::move(pool)) {}
  // Made while its pages were expected.
  struct Expected {
    Piece piece;
    std::span<std::byte> out;
    Packed packed;
  };
  [[nodiscard]] std::optional<Packed> made_before(const Piece& piece);
  [[nodiscard]] std::optional<Packed> without_codec(const Piece& piece);
  [[nodiscard]] Packed modelled(const Piece& piece);
  [[nodiscard]] Packed packed_as(const Piece& piece, Result<ByteCount, compress::CodecError> size,
                                 std::span<const std::byte> buffer) const;
  [[nodiscard]] ByteCount whole_from(PageCount pages) const {
    return pages == PageCount(1) ? options_.whole_page_from : options_.whole_unit_from;
  }
  [[nodiscard]] std::span<std::byte> buffer(std::size_t n);

  PackerOptions options_;
  compress::CodecPool pool_;
  std::vector<std::unique_ptr<std::byte[]>> buffers_;
  std::vector<Expected> expected_;
  absl::flat_hash_map<const std::byte*, std::size_t> expected_at_;
  std::vector<std::byte> room_;  // what Expected::out lies in
};

}  // namespace quire::swap
