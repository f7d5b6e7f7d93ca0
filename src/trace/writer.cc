#include "trace/writer.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/check.h"
#include "trace/chunk.h"
#include "trace/event_codec.h"
#include "trace/file.h"
#include "trace/header_json.h"
#include "trace/recording_ends.h"

namespace quire::trace {

struct Writer::Impl {
  explicit Impl(OutputFile output) : file(std::move(output)) {}
  ~Impl();

  Result<void, Diagnostic> write_chunk(ChunkType type, std::uint32_t records, Bytes payload);
  Result<void, Diagnostic> remember(Result<void, Diagnostic> done);
  Result<void, Diagnostic> flush();

  OutputFile file;
  ChunkPacker packer;
  ChunkEncoder encoder;
  std::uint32_t version = kPlainVersion;
  std::uint32_t next_index = 0;
  std::uint64_t events = 0;
  bool finished = false;
  std::optional<Diagnostic> failure;
};

// What was appended is not thrown away because nobody said finish.
Writer::Impl::~Impl() {
  if (!finished && !failure) (void)flush();
}

Result<void, Diagnostic> Writer::Impl::remember(Result<void, Diagnostic> done) {
  if (!done) failure = done.error();
  return done;
}

Result<void, Diagnostic> Writer::Impl::write_chunk(ChunkType type, std::uint32_t records, Bytes payload) {
  if (payload.size() > kMaxRawBytes) {
    return fail(
        Diagnostic{.where = file.path(), .what = "arguments and environment are too large", .hint = ""});
  }
  return remember(file.write(packer.pack(type, next_index++, records, payload)));
}

Result<void, Diagnostic> Writer::Impl::flush() {
  if (failure) return fail(*failure);
  const std::uint32_t records = encoder.records();
  if (records == 0) return {};
  return write_chunk(ChunkType::kEvents, records, encoder.take());
}

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

Result<Writer, Diagnostic> Writer::create(const std::string& path, const Header& header) {
  auto impl = std::make_unique<Impl>(QUIRE_TRY(OutputFile::create(path)));
  QUIRE_CHECK(header.format_version >= kPlainVersion && header.format_version <= kFormatVersion);
  impl->version = header.format_version;
  const auto preamble = encode_preamble(header.format_version);
  QUIRE_TRY(impl->file.write(preamble));
  const std::string json = encode_header(header);
  QUIRE_TRY(impl->write_chunk(ChunkType::kHeader, 0, std::as_bytes(std::span(json))));
  return Writer(std::move(impl));
}

Result<void, Diagnostic> Writer::append(const Event& event) {
  if (impl_->failure) return fail(*impl_->failure);
  if (const char* why = unstorable(event)) {
    return fail(
        Diagnostic{.where = impl_->file.path(), .what = fmt::format("cannot store {}", why), .hint = ""});
  }
  if (event.kind == Kind::kAccessed && impl_->version < 2) {
    return fail(Diagnostic{.where = impl_->file.path(),
                           .what = "a sample of accessed pages in a recording of version 1",
                           .hint = ""});
  }
  impl_->encoder.append(event);
  ++impl_->events;
  return impl_->encoder.size() >= kChunkTarget ? impl_->flush() : Result<void, Diagnostic>{};
}

Result<void, Diagnostic> Writer::append_contents(const ContentsSample& sample) {
  QUIRE_TRY(impl_->flush());
  return impl_->write_chunk(ChunkType::kContents, 0, encode_contents(sample));
}

Result<void, Diagnostic> Writer::flush_chunk() { return impl_->flush(); }

Result<void, Diagnostic> Writer::finish(const Summary& summary) {
  QUIRE_TRY(impl_->flush());
  Summary last = summary;
  last.events = impl_->events;
  const std::string json = encode_summary(last);
  QUIRE_TRY(impl_->write_chunk(ChunkType::kSummary, 0, std::as_bytes(std::span(json))));
  if (summary.gate) {
    const std::string gate = encode_gate(*summary.gate);
    QUIRE_TRY(impl_->write_chunk(ChunkType::kGate, 0, std::as_bytes(std::span(gate))));
  }
  QUIRE_TRY(impl_->remember(impl_->file.close()));
  impl_->finished = true;
  impl_->failure = Diagnostic{.where = impl_->file.path(), .what = "the recording is finished", .hint = ""};
  return {};
}

Result<void, Diagnostic> write_gate(const std::string& path, const Gate& gate) {
  RecordingEnds ends;
  {
    const ByteSource source = QUIRE_TRY(ByteSource::open(path));
    ends = QUIRE_TRY(read_ends(source));
  }
  if (ends.damage) return fail(*ends.damage);
  if (!ends.summary) {
    return fail(Diagnostic{.where = path,
                           .what = "was not finished, so the gate cannot be marked in it",
                           .hint = "record again"});
  }
  OutputFile file = QUIRE_TRY(OutputFile::append_at(path, ends.stop.offset()));
  const std::string json = encode_gate(gate);
  ChunkPacker packer;
  QUIRE_TRY(file.write(packer.pack(ChunkType::kGate, ends.stop.index(), 0, std::as_bytes(std::span(json)))));
  return file.close();
}

}  // namespace quire::trace
