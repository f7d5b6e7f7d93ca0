#include "compress/codec.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "compress/codec_backend.h"

namespace quire::compress {
namespace {

constexpr ByteCount kLargestInput = 1_GiB;

bool has_levels(Algorithm algorithm) { return algorithm == Algorithm::kLz4 || algorithm == Algorithm::kZstd; }

Levels levels(Algorithm algorithm) {
  if (algorithm == Algorithm::kLz4) return lz4_levels();
  if (algorithm == Algorithm::kZstd) return zstd_levels();
  return {};
}

Result<int, Diagnostic> level_for(const CodecOptions& options) {
  const Levels known = levels(options.algorithm);
  if (!options.level) return known.usual;
  if (!has_levels(options.algorithm))
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = std::string(name(options.algorithm)),
                           .what = "has no levels",
                           .hint = "name it without a level"});
  if (*options.level < known.lowest || *options.level > known.highest)
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = std::string(name(options.algorithm)),
                           .what = fmt::format("has no level {}", *options.level),
                           .hint = fmt::format("levels go from {} to {}", known.lowest, known.highest)});
  return *options.level;
}

std::unique_ptr<Codec::Backend> make_backend(Algorithm algorithm, int level, ByteCount largest_input) {
  switch (algorithm) {
    case Algorithm::kLzo:
    case Algorithm::kLzoRle:
      return make_lzo(largest_input);
    case Algorithm::kLz4:
      return make_lz4(level);
    case Algorithm::kZstd:
      return make_zstd(level, largest_input);
  }
  base::check_failed("algorithm", "no such algorithm", std::source_location::current());
}

}  // namespace

std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kLzo:
      return "lzo";
    case Algorithm::kLzoRle:
      return "lzo-rle";
    case Algorithm::kLz4:
      return "lz4";
    case Algorithm::kZstd:
      return "zstd";
  }
  return "?";
}

std::optional<Algorithm> algorithm_named(std::string_view word) {
  for (const Algorithm algorithm : kAlgorithms)
    if (name(algorithm) == word) return algorithm;
  return std::nullopt;
}

Result<Codec, Diagnostic> Codec::create(const CodecOptions& options) {
  if (options.largest_input == ByteCount(0) || options.largest_input > kLargestInput)
    return fail(
        Diagnostic{.kind = Diagnostic::Kind::kUsage,
                   .where = std::string(name(options.algorithm)),
                   .what = fmt::format("cannot compress {} bytes at once", options.largest_input.raw()),
                   .hint = fmt::format("between 1 and {}", kLargestInput.raw())});
  const int level = QUIRE_TRY(level_for(options));
  return Codec(options, level, make_backend(options.algorithm, level, options.largest_input));
}

Codec::Codec(const CodecOptions& options, int level, std::unique_ptr<Backend> backend)
    : algorithm_(options.algorithm),
      level_(level),
      largest_input_(options.largest_input),
      backend_(std::move(backend)) {}
Codec::Codec(Codec&&) noexcept = default;
Codec& Codec::operator=(Codec&&) noexcept = default;
Codec::~Codec() = default;

Result<ByteCount, CodecError> Codec::compress(std::span<const std::byte> in, std::span<std::byte> out) {
  QUIRE_CHECK(!in.empty());
  if (in.size() > largest_input_.raw()) return fail(CodecError::kTooLarge);
  return backend_->compress(in, out);
}

Result<void, CodecError> Codec::decompress(std::span<const std::byte> in, std::span<std::byte> out) {
  // What is larger than any compressed form cannot be one, and the libraries count in int.
  if (in.empty() || out.empty() || out.size() > kLargestInput.raw()) return fail(CodecError::kCorrupt);
  if (in.size() > backend_->bound(ByteCount(out.size())).raw()) return fail(CodecError::kCorrupt);
  const ByteCount written = QUIRE_TRY(backend_->decompress(in, out));
  if (written.raw() != out.size()) return fail(CodecError::kCorrupt);
  return {};
}

ByteCount Codec::bound(ByteCount input) const { return backend_->bound(input); }

}  // namespace quire::compress
