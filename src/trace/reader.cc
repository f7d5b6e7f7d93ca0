#include "trace/reader.h"

#include <fmt/format.h>

#include <utility>

#include "trace/event_codec.h"
#include "trace/hash_stream.h"
#include "trace/recording_ends.h"

namespace quire::trace {

struct Reader::Impl {
  static Result<Reader, Diagnostic> make(ByteSource bytes);

  // Deals with what is not an event: the end of a chunk, or damage.
  Result<bool, Diagnostic> next_slow(ChunkDecoder::Outcome outcome, Event& event);
  Result<bool, Diagnostic> next_chunk();
  Result<bool, Diagnostic> at_stop();
  std::unexpected<Diagnostic> broken(Diagnostic diagnostic);

  ByteSource source;
  RecordingEnds ends;
  ChunkUnpacker unpacker{};
  ChunkWalk walk{};              // the chunk after the one being decoded
  ChunkWalk current{};           // the chunk being decoded
  std::vector<std::byte> raw{};  // its payload
  ChunkDecoder decoder{};
  std::uint64_t events = 0;  // given since the start
  std::optional<Diagnostic> failure{};
};

Result<Reader, Diagnostic> Reader::Impl::make(ByteSource bytes) {
  RecordingEnds ends = QUIRE_TRY(read_ends(bytes));
  Reader reader(std::make_unique<Impl>(Impl{.source = std::move(bytes), .ends = std::move(ends)}));
  QUIRE_TRY(reader.rewind());
  return reader;
}

std::unexpected<Diagnostic> Reader::Impl::broken(Diagnostic diagnostic) {
  failure = std::move(diagnostic);
  decoder = ChunkDecoder{};  // gives nothing more
  return fail(*failure);
}

Result<bool, Diagnostic> Reader::Impl::at_stop() {
  if (ends.damage) return broken(*ends.damage);
  if (ends.summary && ends.summary->events != events) {
    return broken(walk.damage(
        source, fmt::format("holds {} events, but its summary counts {}", events, ends.summary->events)));
  }
  return false;
}

// True when a chunk of events is ready to be decoded.
Result<bool, Diagnostic> Reader::Impl::next_chunk() {
  for (;;) {
    if (walk.offset() >= ends.stop.offset()) return at_stop();
    auto at = walk.look(source);
    if (!at) return broken(at.error());
    if (*at != ChunkWalk::At::kChunk) return broken(walk.damage(source, "changed while being read"));
    current = walk;
    walk.step();
    if (current.header().type != static_cast<std::uint8_t>(ChunkType::kEvents)) continue;
    if (auto done = current.load(source, unpacker, raw); !done) return broken(done.error());
    if (!decoder.start(raw, current.header().records)) {
      return broken(current.damage(source, "the columns of the chunk do not fill it"));
    }
    return true;
  }
}

Result<bool, Diagnostic> Reader::Impl::next_slow(ChunkDecoder::Outcome outcome, Event& event) {
  if (failure) return fail(*failure);
  while (outcome == ChunkDecoder::Outcome::kEnd) {
    if (!QUIRE_TRY(next_chunk())) return false;
    outcome = decoder.next(event);
  }
  if (outcome == ChunkDecoder::Outcome::kDamaged) {
    return broken(current.damage(source, "the chunk holds an event that makes no sense"));
  }
  ++events;
  return true;
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader, Diagnostic> Reader::open(const std::string& path) {
  return Impl::make(QUIRE_TRY(ByteSource::open(path)));
}

Result<Reader, Diagnostic> Reader::from_bytes(std::span<const std::byte> bytes) {
  return Impl::make(ByteSource::copy_of(bytes));
}

const Header& Reader::header() const { return impl_->ends.header; }
const std::optional<Summary>& Reader::summary() const { return impl_->ends.summary; }
const std::vector<ContentsSample>& Reader::contents() const { return impl_->ends.contents; }
bool Reader::truncated() const { return !impl_->ends.summary.has_value(); }
ByteCount Reader::file_size() const { return ByteCount(impl_->source.size()); }
std::uint64_t Reader::content_hash() const { return hash_of(impl_->source); }

std::vector<std::string> Reader::notes() const {
  const RecordingEnds& ends = impl_->ends;
  std::vector<std::string> notes;
  if (ends.damage) notes.push_back(fmt::format("damaged: {}", ends.damage->line()));
  if (!ends.summary && !ends.damage) {
    notes.push_back(fmt::format("no summary: the recording was cut off after {} chunks", ends.event_chunks));
  }
  if (ends.cut_bytes != 0) {
    notes.push_back(
        fmt::format("the last {} bytes are part of a chunk that was never completed", ends.cut_bytes));
  }
  if (ends.skipped_chunks != 0) {
    notes.push_back(
        fmt::format("{} chunks of a newer version, or too many to keep, were skipped", ends.skipped_chunks));
  }
  return notes;
}

Result<bool, Diagnostic> Reader::next(Event& event) {
  Impl& impl = *impl_;
  const ChunkDecoder::Outcome outcome = impl.decoder.next(event);
  if (outcome == ChunkDecoder::Outcome::kEvent) [[likely]] {
    ++impl.events;
    return true;
  }
  return impl.next_slow(outcome, event);
}

Result<void, Diagnostic> Reader::rewind() {
  impl_->walk = impl_->ends.first;
  impl_->decoder = ChunkDecoder{};
  impl_->events = 0;
  impl_->failure.reset();
  return {};
}

}  // namespace quire::trace
