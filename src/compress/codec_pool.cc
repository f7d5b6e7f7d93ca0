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
  // What is done while the caller does something else. A helper that comes when all is begun
  // looks at nothing but this.
  struct Ahead {
    Ahead(std::size_t pieces, CodecPool::Work what)
        : count(pieces), work(std::move(what)), done(std::make_unique<std::atomic<bool>[]>(pieces)) {}
    const std::size_t count;
    const CodecPool::Work work;
    std::unique_ptr<std::atomic<bool>[]> done;
    std::atomic<std::size_t> next = 0;

    // False: all are begun.
    bool do_one(Codec& codec) {
      const std::size_t n = next++;
      if (n >= count) return false;
      work(codec, n);
      done[n] = true;
      done[n].notify_one();
      return true;
    }
  };

  explicit State(std::vector<Codec> made) : codecs(std::move(made)), others(codecs.size() - 1) {}

  // Calls fn(codec, n) for each n below `count`, each thread with its codec. `fn` is
  // not looked at any more when all are done, whoever is still on its way.
  template <typename Fn>
  void each(std::size_t count, const Fn& fn) {
    if (ahead != nullptr) {  // the other codecs are in use
      for (std::size_t n = 0; n < count; ++n) fn(codecs.front(), n);
      return;
    }
    const auto batch = std::make_shared<Batch>(count);
    for (std::size_t n = 1; n < std::min(codecs.size(), count); ++n)
      boost::asio::post(others, [batch, &fn, &codec = codecs[n]] { batch->work(codec, fn); });
    batch->work(codecs.front(), fn);
    batch->wait();
  }

  void begin(std::size_t count, Work work) {
    end();
    ahead = std::make_shared<Ahead>(count, std::move(work));
    for (std::size_t n = 1; n < std::min(codecs.size(), count + 1); ++n)
      boost::asio::post(others, [mine = ahead, &codec = codecs[n]] {
        while (mine->do_one(codec)) {
        }
      });
  }
  void settle(std::size_t n) {
    while (!ahead->done[n]) {
      if (!ahead->do_one(codecs.front())) ahead->done[n].wait(false);
    }
  }
  void end() {
    if (ahead == nullptr) return;
    const std::size_t begun = std::min(ahead->next.exchange(ahead->count), ahead->count);
    for (std::size_t n = 0; n < begun; ++n) ahead->done[n].wait(false);
    ahead.reset();
  }

  std::vector<Codec> codecs;  // the first is the caller's
  std::shared_ptr<Ahead> ahead;
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
CodecPool::~CodecPool() {
  if (state_ != nullptr) state_->end();
}

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

void CodecPool::begin(std::size_t count, Work work) { state_->begin(count, std::move(work)); }
void CodecPool::settle(std::size_t n) { state_->settle(n); }
void CodecPool::end() { state_->end(); }

unsigned CodecPool::threads() const { return static_cast<unsigned>(state_->codecs.size()); }
Codec& CodecPool::codec() { return state_->codecs.front(); }

}  // namespace quire::compress
