#include "compress/codec_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <utility>

namespace quire::compress {

namespace {

// What the threads of one batch share. A helper that wakes up when all jobs are taken
// finds that out here and looks at nothing else, so nobody waits for it.
struct Batch {
  explicit Batch(std::size_t jobs) : count(jobs) {}
  const std::size_t count;
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> finished = 0;

  template <typename Fn>
  void work(Codec& codec, const Fn& fn) {
    for (std::size_t n = next++; n < count; n = next++) {
      fn(codec, n);
      if (++finished == count) finished.notify_one();
    }
  }
  void wait() const {
    for (std::size_t seen = finished; seen != count; seen = finished) finished.wait(seen);
  }
};

}  // namespace

struct CodecPool::State {
  explicit State(std::vector<Codec> made) : codecs(std::move(made)), others(codecs.size() - 1) {}

  // Calls fn(codec, n) for each n below `count`, each thread with its codec. `fn` is
  // not looked at any more when all are done, whoever is still on its way.
  template <typename Fn>
  void each(std::size_t count, const Fn& fn) {
    const auto batch = std::make_shared<Batch>(count);
    for (std::size_t n = 1; n < std::min(codecs.size(), count); ++n)
      boost::asio::post(others, [batch, &fn, &codec = codecs[n]] { batch->work(codec, fn); });
    batch->work(codecs.front(), fn);
    batch->wait();
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
