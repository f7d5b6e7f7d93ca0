// swap/testing_stack.h - devices, alone and in front of each other, for tests
// that want all of them.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/report.h"
#include "compress/page_source.h"
#include "compress/testing_bytes.h"
#include "swap/failing_device.h"
#include "swap/plain_device.h"
#include "swap/zram.h"
#include "swap/zswap.h"

namespace quire::swap::testing {

using compress::testing::Bytes;

// A page as programs have them: the seed says of which kind, and what is in it.
inline Bytes page_of(std::uint64_t seed) {
  using compress::testing::Kind;
  constexpr std::array kKinds{Kind::kZero, Kind::kPointers, Kind::kText, Kind::kRandom};
  if (seed % 6 == 5) {
    Bytes bytes(kPageSize);
    for (std::size_t n = 0; n < bytes.size(); ++n) bytes[n] = static_cast<std::byte>(seed >> (n % 8 * 8));
    return bytes;
  }
  return compress::testing::bytes_of(kKinds[seed % 6 % 4], kPageSize, seed);
}
inline Bytes pages_of(std::uint64_t seed, std::uint64_t count) {
  Bytes all;
  for (std::uint64_t n = 0; n < count; ++n) {
    const Bytes page = page_of(seed + n / 3);
    all.insert(all.end(), page.begin(), page.end());
  }
  return all;
}
inline Pages all_of(Bytes& bytes) { return {bytes.data(), PageCount(bytes.size() / kPageSize)}; }

enum class Shape : std::uint8_t {
  kZram,
  kZramUnits16K,
  kZramUnits64K,
  kZramThreads,
  kZramLimited,
  kZramShortOfFrames,
  kZramBacked,
  kZramUnitsBacked,
  kBlock,
  kFile,
  kZswapOverBlock,
  kZswapOverZramOverBlock,
  kZswapThreads,
  kZswapOverFailingBlock,
  kZswapOverLimitedZram,
  kZramFailingBacking,
};
inline constexpr unsigned kShapes = 16;

// One of the shapes, 256 slots.
class Stack {
 public:
  static constexpr std::uint64_t kSlots = 256;

  explicit Stack(Shape shape)
      : frames_(shape == Shape::kZramShortOfFrames ? PageCount(40) : PageCount(1U << 20)) {
    switch (shape) {
      case Shape::kBlock:
        top_ = block_device(PageCount(kSlots));
        return;
      case Shape::kFile:
        top_ = swap_file(PageCount(kSlots));
        return;
      case Shape::kZswapOverBlock:
        put_zswap(block_device(PageCount(kSlots)), 1);
        return;
      case Shape::kZswapThreads:
        put_zswap(block_device(PageCount(kSlots)), 3);
        return;
      case Shape::kZswapOverFailingBlock:
        put_zswap(failing(kSlots), 1);
        return;
      case Shape::kZswapOverLimitedZram:
        put_zswap(make_zram(Shape::kZramLimited), 1);
        return;
      case Shape::kZswapOverZramOverBlock:
        put_zswap(make_zram(Shape::kZramBacked), 1);
        return;
      default:
        top_ = make_zram(shape);
    }
  }
  ~Stack() { top_.reset(); }

  [[nodiscard]] Backend& top() { return *top_; }
  [[nodiscard]] Zram* zram() { return zram_; }
  [[nodiscard]] Zswap* zswap() { return zswap_.get(); }

  // What an administrator or a daemon does now and then.
  void keep_house(std::uint64_t what) {
    if (zram_ != nullptr) {
      if (what % 4 == 0) zram_->mark_idle();
      if (what % 4 == 1) (void)zram_->writeback(ZramWriteback::kIdle);
      if (what % 4 == 2) (void)zram_->writeback(ZramWriteback::kHuge);
      if (what % 4 == 3) (void)zram_->compact();
    }
    if (zswap_ != nullptr) (void)zswap_->shrinker_scan(what % 16);
  }
  [[nodiscard]] std::string broken() const {
    base::InvariantReport report;
    if (zram_ != nullptr) zram_->check_invariants(report);
    if (zswap_ != nullptr) zswap_->check_invariants(report);
    return report.text();
  }
  // Frames that something still lies in.
  [[nodiscard]] PageCount frames_used() const { return frames_.used(); }

 private:
  [[nodiscard]] std::unique_ptr<Backend> make_zram(Shape shape) {
    const bool backed = shape == Shape::kZramBacked || shape == Shape::kZramUnitsBacked;
    const bool fails = shape == Shape::kZramFailingBacking;
    ZramOptions options{.algorithm = compress::Algorithm::kLz4};
    if (shape == Shape::kZramUnits16K || shape == Shape::kZramUnitsBacked) options.unit = 16_KiB;
    if (shape == Shape::kZramUnits64K) options.unit = 64_KiB;
    if (shape == Shape::kZramThreads) options.threads = 3;
    if (shape == Shape::kZramLimited) options.mem_limit = 120_KiB;
    std::unique_ptr<Zram> made = *Zram::create(frames_, options);
    if (backed) (void)made->set_backing(block_device(PageCount(100)));
    if (fails) (void)made->set_backing(failing(100));
    (void)made->set_disksize(PageCount(kSlots).bytes());
    zram_ = made.get();
    return made;
  }
  // A disk of which every third write and every third read fails.
  [[nodiscard]] static std::unique_ptr<Backend> failing(std::uint64_t pages) {
    return std::make_unique<FailingDevice>(block_device(PageCount(pages)),
                                           FailingOptions{.writes = {.every = 3}, .reads = {.every = 3}});
  }
  void put_zswap(std::unique_ptr<Backend> device, unsigned threads) {
    zswap_ = *Zswap::create(frames_, {.compressor = compress::Algorithm::kLz4,
                                      .ram = PageCount(200),
                                      .threads = threads,
                                      .parameters = {.enabled = true, .shrinker_enabled = true},
                                      .load = ZswapLoad::kWholeFolios});
    top_ = zswap_->in_front_of(std::move(device));
  }

  compress::HeapPages frames_;
  std::unique_ptr<Zswap> zswap_;
  std::unique_ptr<Backend> top_;
  Zram* zram_ = nullptr;
};

}  // namespace quire::swap::testing
