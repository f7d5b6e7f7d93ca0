// compress/codec_pool.h - many buffers compressed or decompressed at once, on
// several threads.
//
// Mirrors: nothing in Linux 6.18. Stands for what is proposed for it: batches
// of pages for zswap's compressors and engines that take many at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "compress/codec.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::compress {

// One buffer: what Codec::compress or Codec::decompress is called with.
struct CodecJob {
  std::span<const std::byte> in;
  std::span<std::byte> out;
};

// CodecPool does a batch of jobs that have nothing to do with each other.
//
// States      : idle -> begun -> idle
// Owns        : a codec for each thread, and the threads; one of them is whoever calls
// Locks       : one thread calls; the threads share a counter of jobs taken. While work is begun
//               the caller alone does what is asked for besides
// Invariants  : I-CODECPOOL-1 results and bytes are those of one codec doing the jobs in order:
//               neither the number of threads nor which was faster can be seen in them
class CodecPool {
 public:
  static constexpr unsigned kMostThreads = 256;

  // Refuses what Codec::create refuses, and no or more than kMostThreads threads.
  [[nodiscard]] static Result<CodecPool, Diagnostic> create(const CodecOptions& options, unsigned threads);
  CodecPool(CodecPool&&) noexcept;
  CodecPool& operator=(CodecPool&&) noexcept;
  ~CodecPool();

  // The result of each job, in the order of the jobs, when all are done.
  [[nodiscard]] std::vector<Result<ByteCount, CodecError>> compress(std::span<const CodecJob> jobs);
  [[nodiscard]] std::vector<Result<void, CodecError>> decompress(std::span<const CodecJob> jobs);

  // --- Work that goes on while the caller does something else ---
  using Work = std::function<void(Codec&, std::size_t)>;
  // Begins work(codec, n) for each n below `count`, in order, on the other threads, and returns
  // at once. What it looks at must stay as it is until it is settled. Ends what was begun before.
  void begin(std::size_t count, Work work);
  // Returns when the n-th is done. Until then the caller does what nobody has begun yet.
  void settle(std::size_t n);
  // What nobody has begun never is; returns when nothing is going on.
  void end();

  [[nodiscard]] unsigned threads() const;
  // The codec of the calling thread, for a single buffer.
  [[nodiscard]] Codec& codec();

 private:
  struct Task;
  class Helpers;
  struct State;
  explicit CodecPool(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace quire::compress
