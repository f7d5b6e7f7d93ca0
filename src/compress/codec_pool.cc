#include "compress/codec_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <latch>
#include <utility>

namespace quire::compress {

struct CodecPool::State {
  explicit State(std::vector<Codec> made) : codecs(std::move(made)), others(codecs.size() - 1) {}

  // Calls fn(codec, n) for each n below `count`, each thread with its codec.
  template <typename Fn>
  void each(std::size_t count, Fn fn) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&](Codec& codec) {
      for (std::size_t n = next++; n < count; n = next++) fn(codec, n);
    };
    const std::size_t helpers = count == 0 ? 0 : std::min(codecs.size(), count) - 1;
    std::latch done(static_cast<std::ptrdiff_t>(helpers));
    for (std::size_t n = 1; n <= helpers; ++n)
      boost::asio::post(others, [&work, &done, &codec = codecs[n]] {
        work(codec);
        done.count_down();
      });
    work(codecs.front());
    done.wait();
  }

  std::vector<Codec> codecs;  // the first is the caller's
  boost::asio::thread_pool others;
};

Result<CodecPool, Diagnostic> CodecPool::create(const CodecOptions& options, unsigned threads) {
  if (threads == 0 || threads > kMostThreads)
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = "threads",
                           .what = fmt::format("cannot compress on {} threads", threads),
                           .hint = fmt::format("between 1 and {}", kMostThreads)});
  std::vector<Codec> codecs;
  codecs.reserve(threads);
  for (unsigned n = 0; n < threads; ++n) codecs.push_back(QUIRE_TRY(Codec::create(options)));
  return CodecPool(std::make_unique<State>(std::move(codecs)));
}

CodecPool::CodecPool(std::unique_ptr<State> state) : state_(std::move(state)) {}
CodecPool::CodecPool(CodecPool&&) noexcept = default;
CodecPool& CodecPool::operator=(CodecPool&&) noexcept = default;
CodecPool::~CodecPool() = default;

std::vector<Result<ByteCount, CodecError>> CodecPool::compress(std::span<const CodecJob> jobs) {
  std::vector<Result<ByteCount, CodecError>> results(jobs.size());
  state_->each(jobs.size(),
               [&](Codec& codec, std::size_t n) { results[n] = codec.compress(jobs[n].in, jobs[n].out); });
  return results;
}

std::vector<Result<void, CodecError>> CodecPool::decompress(std::span<const CodecJob> jobs) {
  std::vector<Result<void, CodecError>> results(jobs.size());
  state_->each(jobs.size(),
               [&](Codec& codec, std::size_t n) { results[n] = codec.decompress(jobs[n].in, jobs[n].out); });
  return results;
}

unsigned CodecPool::threads() const { return static_cast<unsigned>(state_->codecs.size()); }
Codec& CodecPool::codec() { return state_->codecs.front(); }

}  // namespace quire::compress
