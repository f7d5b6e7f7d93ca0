// live/frame_file.h - the files that have a word for each frame of the machine,
// /proc/kpageflags and /proc/kpagecount, read where they are asked for and
// remembered.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "live/pagemap.h"

namespace quire::live {

// Frames are read so many at a time. A word costs the kernel as much as half a
// system call: more would cost a program whose frames are scattered too much,
// fewer one whose frames lie in rows.
inline constexpr std::uint64_t kFrameChunk = 16;

// What Narrow makes of the word of each frame. A machine can have as many
// frames as Pfn can name; memory is taken for those parts that are asked for.
template <typename Value, Value (*Narrow)(std::uint64_t)>
class FrameFile {
 public:
  FrameFile(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  // Frames may have changed hands. The memory is kept.
  void forget() {
    for (const auto& leaf : leaves_) {
      if (leaf) leaf->known.reset();
    }
  }

  // Frames that do not exist have Narrow(0).
  [[nodiscard]] Result<Value, Diagnostic> of(std::uint64_t pfn) {
    Leaf& leaf = leaf_of(pfn);
    const std::uint64_t at = pfn % kFramesPerLeaf;
    if (!leaf.known[at / kFrameChunk]) QUIRE_TRY(read_chunk(pfn, leaf));
    return leaf.values[at];
  }

 private:
  static constexpr std::uint64_t kFramesPerLeaf = 1ULL << 14;
  struct Leaf {
    std::bitset<kFramesPerLeaf / kFrameChunk> known;
    std::array<Value, kFramesPerLeaf> values;
  };

  Leaf& leaf_of(std::uint64_t pfn) {
    const std::uint64_t number = pfn / kFramesPerLeaf;
    if (leaves_.size() <= number) leaves_.resize(number + 1);
    if (!leaves_[number]) leaves_[number] = std::make_unique<Leaf>();
    return *leaves_[number];
  }

  Result<void, Diagnostic> read_chunk(std::uint64_t pfn, Leaf& leaf) {
    const std::uint64_t first = pfn - pfn % kFrameChunk;
    std::array<std::uint64_t, kFrameChunk> words{};
    QUIRE_TRY(read_words(fd_, name_, first, words));
    for (std::uint64_t i = 0; i < kFrameChunk; ++i)
      leaf.values[first % kFramesPerLeaf + i] = Narrow(words[i]);
    leaf.known[first % kFramesPerLeaf / kFrameChunk] = true;
    return {};
  }

  UniqueFd fd_;
  std::string name_;
  std::vector<std::unique_ptr<Leaf>> leaves_;  // by frame number / kFramesPerLeaf
};

}  // namespace quire::live
