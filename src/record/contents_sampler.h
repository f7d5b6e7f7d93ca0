// record/contents_sampler.h - how well the memory of running processes
// compresses, counted from a few of their pages.
//
// The bytes are read into a buffer that is wiped after each look and kept out of
// core dumps; only sizes leave it.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compress/codec.h"
#include "trace/contents.h"

namespace quire::record {

// Looks at the private pages of a process when its memory has grown by a
// quarter (and 1 MiB) since the last look: so the last look is near its peak,
// and a process that grows to any size is looked at a few dozen times. Looking
// takes at most a twentieth of one cpu's time, none of it the process's own.
//
// What is read is present before: nothing is faulted in, unless the process
// drops the page in the microseconds between.
class ContentsSampler {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBlockBytes = 65536;
  // Blocks of 64 KiB of one process that one look reads.
  static constexpr std::size_t kBlocks = 64;

  [[nodiscard]] static Result<ContentsSampler, Diagnostic> create();

  // The processes that are due are looked at. `processes`: number and address space.
  [[nodiscard]] std::vector<trace::ContentsSample> look(
      std::span<const std::pair<std::uint32_t, trace::MmId>> processes, std::uint64_t time_us);
  // Looks at one process whatever it has grown by; nothing when it is gone or has nothing.
  [[nodiscard]] std::optional<trace::ContentsSample> look_at(pid_t pid, trace::MmId mm, std::uint64_t time_us,
                                                             std::size_t at_most = kBlocks);

  // What could not be looked at, one sentence each.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  struct Block {
    std::uint64_t page = 0;
    std::size_t mapping = 0;  // index into the sample
  };

  ContentsSampler(compress::Codec lz4, compress::Codec zstd);
  [[nodiscard]] std::vector<Block> find_blocks(pid_t pid, std::size_t at_most, trace::ContentsSample& sample);
  void measure(std::span<const std::byte> block, std::uint32_t have, trace::MappingContents& into);

  std::array<compress::Codec, 2> codecs_;  // by ContentsCodec
  std::vector<std::byte> compressed_;
  std::map<trace::MmId, std::uint64_t> pages_at_look_;
  Clock::time_point next_ = Clock::now();
  std::uint64_t refused_ = 0;
};

}  // namespace quire::record
