#include "compress/codec_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

namespace quire::compress {

namespace {

// So long a thread without work looks for more before it sleeps. Folios that come back one after
// the other are some ten microseconds apart, and waking a thread takes as long as such a folio.
constexpr std::chrono::microseconds kLinger(100);

}  // namespace

// Work that every thread may take a piece of. Who comes when all are begun looks at nothing
// but this.
struct CodecPool::Task {
  Task(std::size_t pieces, CodecPool::Work what)
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

// The threads beside the caller. One that has done its part lingers for the next task, then sleeps.
class CodecPool::Helpers {
 public:
  explicit Helpers(std::span<Codec> codecs) : count_(codecs.size()), threads_(codecs.size()) {
    for (Codec& codec : codecs) asleep_.push_back(&codec);
  }

  // Shows a task to those who linger, and wakes others up to as many as it has pieces.
  void show(std::shared_ptr<Task> task) {
    const std::scoped_lock lock(mutex_);
    const std::size_t awake = count_ - asleep_.size();
    const std::size_t wanted = std::min(count_, task->count);
    shown_ = std::move(task);
    ++number_;
    for (std::size_t n = awake; n < wanted; ++n) {
      boost::asio::post(threads_, [this, codec = asleep_.back()] { help(*codec); });
      asleep_.pop_back();
    }
  }

 private:
  void help(Codec& codec) {
    std::uint64_t seen = 0;  // no task has this number
    while (const std::shared_ptr<Task> task = another(seen, codec)) {
      while (task->do_one(codec)) {
      }
    }
  }

  // The task shown after number `seen`; none: `codec` counts as asleep.
  std::shared_ptr<Task> another(std::uint64_t& seen, Codec& codec) {
    const auto until = std::chrono::steady_clock::now() + kLinger;
    while (number_ == seen && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    const std::scoped_lock lock(mutex_);
    if (number_ == seen) {
      asleep_.push_back(&codec);
      return nullptr;
    }
    seen = number_;
    return shown_;
  }

  const std::size_t count_;
  std::mutex mutex_;
  std::vector<Codec*> asleep_;
  std::shared_ptr<Task> shown_;
  std::atomic<std::uint64_t> number_ = 0;  // of the task shown
  boost::asio::thread_pool threads_;       // last: it is gone before what its threads look at
};

struct CodecPool::State {
  explicit State(std::vector<Codec> made)
      : codecs(std::move(made)), helpers(std::span(codecs).subspan(1)) {}

  // Calls fn(codec, n) for each n below `count`, each thread with its codec. `fn` is
  // not looked at any more when all are done, whoever is still on its way.
  template <typename Fn>
  void each(std::size_t count, const Fn& fn) {
    if (ahead != nullptr || codecs.size() == 1 || count == 1) {  // the other codecs are in use, or of no use
      for (std::size_t n = 0; n < count; ++n) fn(codecs.front(), n);
      return;
    }
    begin(count, std::cref(fn));
    for (std::size_t n = 0; n < count; ++n) settle(n);
    end();
  }

  void begin(std::size_t count, Work work) {
    end();
    ahead = std::make_shared<Task>(count, std::move(work));
    helpers.show(ahead);
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
  std::shared_ptr<Task> ahead;
  Helpers helpers;
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
