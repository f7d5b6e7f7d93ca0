#include "trace/recording_ends.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "trace/header_json.h"

namespace quire::trace {
namespace {

Diagnostic unreadable(const ByteSource& source, std::string what, std::string hint = "") {
  return {.kind = Diagnostic::Kind::kDamagedInput,
          .where = source.name(),
          .what = std::move(what),
          .hint = std::move(hint)};
}

// The version of the file.
Result<std::uint32_t, Diagnostic> check_preamble(const ByteSource& source) {
  if (source.size() == 0) return fail(unreadable(source, "is empty"));
  std::array<std::byte, kPreambleSize> bytes{};
  const std::size_t have = std::min<std::uint64_t>(source.size(), kPreambleSize);
  QUIRE_TRY(source.read(0, std::span(bytes).first(have)));
  const auto expected = encode_preamble(kFormatVersion);
  const std::size_t compared = std::min(have, kMagic.size());
  if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(compared), expected.begin())) {
    return fail(unreadable(source, "is not a Quire recording"));
  }
  if (have < kPreambleSize) return fail(unreadable(source, "is cut off before its header", "record again"));
  if (load_u64(&bytes[16]) != hash_bytes(Bytes(bytes).first(16))) {
    return fail(unreadable(source, "is damaged in its first bytes"));
  }
  const std::uint32_t version = load_u32(&bytes[8]);
  if (version > kFormatVersion || version == 0) {
    return fail(unreadable(
        source,
        fmt::format("is too new: format version {}, and this Quire reads up to {}", version, kFormatVersion),
        "use the Quire that recorded it, or a newer one"));
  }
  return version;
}

// Reads one recording's chunks in order and keeps what is not events.
class EndsReader {
 public:
  explicit EndsReader(const ByteSource& source) : source_(source) {}

  Result<RecordingEnds, Diagnostic> run() {
    version_ = QUIRE_TRY(check_preamble(source_));
    QUIRE_TRY(read_header());
    ends_.first = walk_;
    if (auto done = walk_to_stop(); !done) ends_.damage = done.error();
    ends_.stop = walk_;
    return std::move(ends_);
  }

 private:
  template <typename T>
  Result<T, Diagnostic> load_json(Result<T, std::string> (*decode)(std::string_view)) {
    QUIRE_TRY(walk_.load(source_, unpacker_, raw_));
    auto value = decode({reinterpret_cast<const char*>(raw_.data()), raw_.size()});
    if (!value) return fail(walk_.damage(source_, value.error()));
    return *std::move(value);
  }

  Result<void, Diagnostic> read_header() {
    const ChunkWalk::At at = QUIRE_TRY(walk_.look(source_));
    if (at != ChunkWalk::At::kChunk) {
      return fail(unreadable(source_, "is cut off before the end of its header", "record again"));
    }
    if (walk_.header().type != static_cast<std::uint8_t>(ChunkType::kHeader)) {
      return fail(walk_.damage(source_, "the first chunk is not the header"));
    }
    ends_.header = QUIRE_TRY(load_json(&decode_header));
    ends_.header.format_version = version_;
    walk_.step();
    return {};
  }

  Result<void, Diagnostic> walk_to_stop() {
    for (;;) {
      const ChunkWalk::At at = QUIRE_TRY(walk_.look(source_));
      if (at == ChunkWalk::At::kCut) ends_.cut_bytes = source_.size() - walk_.offset();
      if (at != ChunkWalk::At::kChunk) return {};
      QUIRE_TRY(take_chunk());
      walk_.step();
    }
  }

  Result<void, Diagnostic> take_chunk() {
    const std::uint8_t type = walk_.header().type;
    if (type == static_cast<std::uint8_t>(ChunkType::kContents)) return take_contents();
    if (type >= kFirstSkippable) {
      ++ends_.skipped_chunks;
      return {};
    }
    switch (static_cast<ChunkType>(type)) {
      case ChunkType::kEvents:
        if (ends_.summary) return fail(walk_.damage(source_, "events stand behind the summary"));
        ++ends_.event_chunks;
        return {};
      case ChunkType::kSummary:
        if (ends_.summary) return fail(walk_.damage(source_, "a second summary"));
        ends_.summary = QUIRE_TRY(load_json(&decode_summary));
        return {};
      case ChunkType::kGate:
        if (!ends_.summary) return fail(walk_.damage(source_, "a gate stands before the summary"));
        ends_.summary->gate = QUIRE_TRY(load_json(&decode_gate));
        return {};
      case ChunkType::kHeader:
      case ChunkType::kContents:
        break;
    }
    return fail(walk_.damage(source_, fmt::format("a chunk of type {} has no business here", type)));
  }

  // What no longer fits into memory bounds is skipped like what is not known.
  Result<void, Diagnostic> take_contents() {
    QUIRE_TRY(walk_.load(source_, unpacker_, raw_));
    auto sample = decode_contents(raw_);
    if (!sample && sample.error() == ContentsFault::kDamaged)
      return fail(walk_.damage(source_, "statistics of contents that make no sense"));
    if (!sample || mappings_ + sample->mappings.size() > kMaxContentsMappings) {
      ++ends_.skipped_chunks;
      return {};
    }
    mappings_ += sample->mappings.size();
    ends_.contents.push_back(*std::move(sample));
    return {};
  }

  const ByteSource& source_;
  std::uint32_t version_ = 0;
  std::size_t mappings_ = 0;  // of contents kept so far
  RecordingEnds ends_;
  ChunkWalk walk_{kPreambleSize, 0};
  ChunkUnpacker unpacker_;
  std::vector<std::byte> raw_;
};

}  // namespace

Result<RecordingEnds, Diagnostic> read_ends(const ByteSource& source) { return EndsReader(source).run(); }

}  // namespace quire::trace
