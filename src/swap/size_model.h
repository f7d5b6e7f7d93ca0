// swap/size_model.h - how large pages become when they are compressed, where
// a machine keeps no contents.
//
// Mirrors: nothing in Linux. Stands for the contents that a recording does not
// have; `quire record --contents-statistics` measures what a distribution is made of.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "quire/types.h"

namespace quire::swap {

// SizeModel says how many bytes a unit comes to.
class SizeModel {
 public:
  virtual ~SizeModel() = default;
  SizeModel() = default;
  SizeModel(const SizeModel&) = delete;
  SizeModel& operator=(const SizeModel&) = delete;

  // The compressed bytes of `pages` pages written to `slot` as one unit; nothing: one word
  // fills them. `write` is how often the device was written to before: what lies in a
  // slot changes. The same arguments always have the same answer.
  [[nodiscard]] virtual std::optional<ByteCount> compressed(std::uint64_t slot, PageCount pages,
                                                            std::uint64_t write) const = 0;
};

// Everything comes to the same part of what it was.
class FixedSizes final : public SizeModel {
 public:
  explicit FixedSizes(unsigned percent) : percent_(percent) {}
  [[nodiscard]] std::optional<ByteCount> compressed(std::uint64_t slot, PageCount pages,
                                                    std::uint64_t write) const override;

 private:
  unsigned percent_;
};

// Sizes drawn from what was measured: for units of 4, 16 and 64 KiB each, so many of the
// units came to so many bytes.
//
// Invariants  : I-SIZES-1 a drawn size is one that was given for the largest unit not larger than
//               the one asked for, scaled to it
class MeasuredSizes final : public SizeModel {
 public:
  struct Bin {
    ByteCount size;       // 0: filled with one word
    std::uint64_t units;  // that came to it
  };
  struct Distributions {
    std::vector<Bin> of_4k, of_16k, of_64k;  // the larger ones may be empty
  };
  // A histogram of sixteenths of the unit, as recordings have it.
  struct Sixteenths {
    ByteCount unit;
    ByteCount stored;                       // what all of them came to
    std::array<std::uint64_t, 16> units{};  // by sixteenth; of the last, those that did not get smaller
    std::uint64_t same = 0;                 // of the first, those that one word fills
  };
  // Bins that come to `stored` together: each at the same place within its sixteenth.
  [[nodiscard]] static std::vector<Bin> bins_of(const Sixteenths& measured);

  MeasuredSizes(std::uint64_t seed, const Distributions& measured);
  [[nodiscard]] std::optional<ByteCount> compressed(std::uint64_t slot, PageCount pages,
                                                    std::uint64_t write) const override;

 private:
  struct Table {
    ByteCount unit;
    std::vector<Bin> cumulative;  // units: up to and with this bin
  };
  [[nodiscard]] const Table& table_for(ByteCount unit) const;

  std::uint64_t seed_;
  std::vector<Table> tables_;  // smallest unit first
};

}  // namespace quire::swap
